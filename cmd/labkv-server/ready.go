package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/replicated"
	"github.com/labkv/labkv/raft"
)

// A readiness says whether clients are to come to this store.
type readiness struct {
	mu sync.Mutex
	// why is the reason why they are not, or nil.
	why error
	// changed, if it is not nil, is told of changes.
	changed func(ready bool)
}

func newReadiness() *readiness {
	return &readiness{why: errors.NewNoStackError("the store has not started yet")}
}

// get returns why clients are not to come, or nil.
func (r *readiness) get() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.why
}

// errStopping is the last reason why clients are not to come.
var errStopping = errors.NewNoStackError("the store stops")

// set notes why clients are not to come, or nil. After errStopping it does nothing.
func (r *readiness) set(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why == errStopping {
		return
	}
	turned := (why == nil) != (r.why == nil)
	r.why = why
	if turned && r.changed != nil {
		r.changed(why == nil)
	}
}

// readyInterval is the time between two looks at a store.
const readyInterval = 250 * time.Millisecond

// watch looks at a store again and again until ctx is done.
func (r *readiness) watch(ctx context.Context, s *replicated.Storage, log *slog.Logger) {
	tick := time.NewTicker(readyInterval)
	defer tick.Stop()
	for {
		why := ready(ctx, s)
		if ctx.Err() != nil {
			return
		}
		if before := r.get(); (before == nil) != (why == nil) {
			log.Info("readiness", "ready", why == nil, "reason", why)
		}
		r.set(why)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// ready returns an error unless the store runs and most of its peers are well.
func ready(ctx context.Context, s *replicated.Storage) error {
	const limit = 5 * time.Second // a pass takes as long as the disk
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	peers, err := s.Inspect(ctx)
	switch {
	case err == storage.ErrNotRunning:
		return errors.NewNoStackError("the store does not run")
	case err != nil:
		return fmt.Errorf("the store has not answered within %s", limit)
	}
	return mostAreWell(peers)
}

// mostAreWell returns an error unless more than half of the peers, if there are any, know
// a leader and have their data. Of many regions there is always one that elects a leader,
// or that has just come here: the others need the store all the same. A leader that others
// have deposed, and that does not know it yet, counts: to find that out would take a
// message to a majority.
func mostAreWell(peers []raftstore.Inspection) error {
	var first error
	unwell := 0
	for _, p := range peers {
		var why error
		switch {
		case p.Lead == raft.None:
			why = fmt.Errorf("region %d has no leader that this store knows", p.Region.Id)
		case p.Installing:
			why = fmt.Errorf("region %d is being installed from a snapshot", p.Region.Id)
		default:
			continue
		}
		unwell++
		if first == nil {
			first = why
		}
	}
	switch {
	case unwell*2 < len(peers) || unwell == 0:
		return nil
	case unwell > 1:
		return fmt.Errorf("%d of %d regions cannot be used here: %w, for example", unwell, len(peers), first)
	}
	return first
}

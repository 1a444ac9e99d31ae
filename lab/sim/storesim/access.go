package storesim

import (
	"context"
	stderrors "errors"
	"fmt"
	"sync"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// access is the storage.Storage that the handlers of a store go through. The store
// runs before and after it, so that there is nothing to start or stop.
type access struct{ s *store }

func (a access) Start() error { return nil }
func (a access) Stop() error  { return nil }

func (a access) Write(ctx context.Context, rc *kvrpcpb.Context, batch []storage.Modify) error {
	var b engine.Batch
	var writes []*raftserverpb.Write
	for _, m := range batch {
		if m.Delete {
			b.Delete(m.CF, m.Key)
		} else {
			b.Put(m.CF, m.Key, m.Value)
		}
		writes = append(writes, &raftserverpb.Write{Cf: m.CF, Key: m.Key, Value: m.Value, Delete: m.Delete})
	}
	if err := b.Check(engine.Families); err != nil {
		return err
	}
	r, err := a.submit(ctx, rc, writes)
	if err == nil && r.Snapshot != nil { // of an empty batch
		err = r.Snapshot.Close()
	}
	return err
}

func (a access) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	r, err := a.submit(ctx, rc, nil)
	if err != nil {
		return nil, err
	}
	return r.Snapshot, nil
}

// submit waits for the result of a command, or for the end of ctx.
func (a access) submit(ctx context.Context, rc *kvrpcpb.Context, writes []*raftserverpb.Write) (raftstore.Result, error) {
	if rc == nil {
		return raftstore.Result{}, storage.ErrNoContext
	}
	if err := ctx.Err(); err != nil {
		return raftstore.Result{}, err
	}
	s := a.s
	if s.system.replaced(s) {
		s.env.Reach(AskedOldLeader)
	}
	c := &call{result: make(chan raftstore.Result, 1)}
	answered := s.expect(describe(s.env.ID, writes))
	s.Submit(&raftstore.Command{Context: rc, Writes: writes, Done: func(r raftstore.Result) {
		answered()
		var refusal *storage.RegionError
		if stderrors.As(r.Err, &refusal) && refusal.Err.StaleCommand != nil {
			s.env.Reach(ProposalReplaced)
		}
		if r.Snapshot != nil {
			s.tellServed()
		}
		if !s.dead() { // or nobody heard of it
			s.system.fates.answered(s.env.ID, writes, r.Err == nil, refusal)
		}
		c.done(r)
	}})
	select {
	case r := <-c.result:
		switch r.Err {
		case raftstore.ErrOutcomeUnknown:
			r.Err = storage.ErrOutcomeUnknown
		case raftstore.ErrStopped:
			r.Err = storage.ErrNotRunning
		}
		return r, r.Err
	case <-ctx.Done():
		c.abandon()
		return raftstore.Result{}, ctx.Err()
	}
}

func describe(store uint64, writes []*raftserverpb.Write) string {
	if len(writes) == 0 {
		return fmt.Sprintf("a read on store %d", store)
	}
	return fmt.Sprintf("a write to key %q on store %d", writes[0].Key, store)
}

// A call waits for a result, until it is abandoned.
type call struct {
	mu        sync.Mutex
	abandoned bool
	result    chan raftstore.Result
}

// done takes the first result. Another one is dropped: it was noticed.
func (c *call) done(r raftstore.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.abandoned {
		select {
		case c.result <- r:
			return
		default:
		}
	}
	if r.Snapshot != nil {
		_ = r.Snapshot.Close() // nobody reads from it
	}
}

// abandon gives up.
func (c *call) abandon() {
	c.mu.Lock()
	c.abandoned = true
	c.mu.Unlock()
	select {
	case r := <-c.result:
		if r.Snapshot != nil {
			_ = r.Snapshot.Close()
		}
	default:
	}
}

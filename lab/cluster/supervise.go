package cluster

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"golang.org/x/sync/errgroup"

	"github.com/labkv/labkv/lab/todo"
)

// Restarts says when Supervise starts a store again that has ended.
type Restarts struct {
	// After is the pause before the first restart. It doubles, up to AtMost, each
	// time that the store ends again within After of its start.
	After, AtMost time.Duration
}

// An Event is what Supervise reports: a store has ended, or runs again.
type Event struct {
	Store *Store
	// Process is the id of the process that has ended, or that runs now.
	Process int
	// Ended says how the process ended; empty if the store runs again.
	Ended string
	// Killed is whether a signal ended the process, and not the process itself.
	Killed bool
	// Pause is the time until a store that has ended is started again.
	Pause time.Duration
}

// Supervise waits until ctx is done, and meanwhile starts each store again that
// ends. All stores must run. It calls report with what happens, one call at a time.
// Until it returns, the stores are its own.
//
// A store that is killed comes back. When no store is left and none was killed,
// something is wrong that a restart does not mend: then Supervise returns an error
// with the last words of a store. It returns an UnfinishedError as soon as a store
// ends because a function of its code is not written yet.
func (c *Cluster) Supervise(ctx context.Context, r Restarts, report func(Event)) error {
	group, ctx := errgroup.WithContext(ctx)
	s := &supervisor{restarts: r, report: report, failed: map[*Store]bool{}, stores: len(c.stores)}
	for _, store := range c.stores {
		group.Go(func() error { return s.keep(ctx, store) })
	}
	return group.Wait()
}

// An UnfinishedError says which function a store has called that is not written yet.
type UnfinishedError struct{ Missing string }

func (e *UnfinishedError) Error() string { return e.Missing }

type supervisor struct {
	restarts Restarts
	stores   int

	mu     sync.Mutex
	report func(Event)
	failed map[*Store]bool // those that have ended by themselves and do not run
}

// keep keeps one store running until ctx is done.
func (s *supervisor) keep(ctx context.Context, store *Store) error {
	pause := time.Duration(0)
	for {
		begin := time.Now()
		select {
		case <-store.Exited():
		case <-ctx.Done():
			return nil
		}
		pause = s.restarts.next(pause, time.Since(begin))
		if err := s.ended(store, pause); err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		if err := s.restart(store); err != nil {
			return err
		}
	}
}

// next returns the pause after a process that has lasted for a while, before which
// the pause was last.
func (r Restarts) next(last, lasted time.Duration) time.Duration {
	if last == 0 || lasted > r.After {
		return r.After
	}
	return min(2*last, r.AtMost)
}

// ended reports the end of a store. The error is that no store is left.
func (s *supervisor) ended(store *Store, pause time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	killed := !store.process.ProcessState.Exited()
	s.failed[store] = !killed
	if store.process.ProcessState.ExitCode() == todo.ExitCode {
		_, missing, _ := strings.Cut(store.LastWords(), ": ")
		return &UnfinishedError{missing}
	}
	s.report(Event{Store: store, Process: store.Process(), Ended: store.Exit(), Killed: killed, Pause: pause})
	if s.failures() < s.stores {
		return nil
	}
	return errors.Errorf("all stores have ended; the last words of store %d in %s are: %s", store.ID, store.Log, store.LastWords())
}

func (s *supervisor) failures() int {
	n := 0
	for _, failed := range s.failed {
		if failed {
			n++
		}
	}
	return n
}

func (s *supervisor) restart(store *Store) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := store.start(); err != nil {
		return err
	}
	s.failed[store] = false
	s.report(Event{Store: store, Process: store.Process()})
	return nil
}

// LastWords returns the last line of the store's log, or why there is none.
func (s *Store) LastWords() string {
	text, err := os.ReadFile(s.Log)
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

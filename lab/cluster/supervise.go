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

// Restarts says when Supervise starts a process again that has ended.
type Restarts struct {
	// After is the pause before the first restart. It doubles, up to AtMost, each
	// time that the process ends again within After of its start.
	After, AtMost time.Duration
}

// An Event is what Supervise reports: a process has ended, or runs again.
type Event struct {
	Member *Member
	// Process is the id of the process that has ended, or that runs now.
	Process int
	// Ended says how the process ended; empty if it runs again.
	Ended string
	// Killed is whether a signal ended the process, and not the process itself.
	Killed bool
	// Pause is the time until what has ended is started again.
	Pause time.Duration
}

// Supervise waits until ctx is done, and meanwhile starts each process again that
// ends. All must run. It calls report with what happens, one call at a time. Until it
// returns, the processes are its own.
//
// A process that is killed comes back. When no store is left and none was killed,
// something is wrong that a restart does not mend: then Supervise returns an error
// with the last words of a store. It returns an UnfinishedError as soon as a process
// ends because a function of its code is not written yet.
func (c *Cluster) Supervise(ctx context.Context, r Restarts, report func(Event)) error {
	group, ctx := errgroup.WithContext(ctx)
	s := &supervisor{restarts: r, report: report, failed: map[*Member]bool{}, stores: c.stores}
	for _, m := range c.members() {
		group.Go(func() error { return s.keep(ctx, m) })
	}
	return group.Wait()
}

// An UnfinishedError says which function a process has called that is not written yet.
type UnfinishedError struct{ Missing string }

func (e *UnfinishedError) Error() string { return e.Missing }

type supervisor struct {
	restarts Restarts
	stores   []*Member

	mu     sync.Mutex
	report func(Event)
	failed map[*Member]bool // those that have ended by themselves and do not run
}

// keep keeps one process running until ctx is done.
func (s *supervisor) keep(ctx context.Context, m *Member) error {
	pause := time.Duration(0)
	for {
		begin := time.Now()
		select {
		case <-m.Exited():
		case <-ctx.Done():
			return nil
		}
		pause = s.restarts.next(pause, time.Since(begin))
		if err := s.ended(m, pause); err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		if err := s.restart(m); err != nil {
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

// ended reports the end of a m. The error is that no store is left.
func (s *supervisor) ended(m *Member, pause time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	killed := !m.process.ProcessState.Exited()
	s.failed[m] = !killed
	if m.process.ProcessState.ExitCode() == todo.ExitCode {
		_, missing, _ := strings.Cut(m.LastWords(), ": ")
		return &UnfinishedError{missing}
	}
	s.report(Event{Member: m, Process: m.Process(), Ended: m.Exit(), Killed: killed, Pause: pause})
	if s.failures() < len(s.stores) {
		return nil
	}
	return errors.Errorf("all stores have ended; the last words of %s in %s are: %s", m.Name, m.Log, m.LastWords())
}

func (s *supervisor) failures() int {
	n := 0
	for _, store := range s.stores {
		if s.failed[store] {
			n++
		}
	}
	return n
}

func (s *supervisor) restart(m *Member) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := m.start(); err != nil {
		return err
	}
	s.failed[m] = false
	s.report(Event{Member: m, Process: m.Process()})
	return nil
}

// LastWords returns the last line of the store's log, or why there is none.
func (s *Member) LastWords() string {
	text, err := os.ReadFile(s.Log)
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

package cluster

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/labkv/labkv/lab/todo"
)

// Restarts says when a Supervisor starts a process again that has ended.
type Restarts struct {
	// After is the pause before the first restart. It doubles, up to AtMost, each
	// time that the process ends again within After of its start.
	After, AtMost time.Duration
}

// An Event is what a Supervisor reports: a process has ended, or runs again.
type Event struct {
	Member *Member
	// Process is the id of the process that has ended, or that runs now.
	Process int
	// Ended says how the process ended; empty if it runs again.
	Ended string
	// Killed is whether a signal ended the process, and not the process itself.
	Killed bool
	// Pause is the time until what has ended is started again; 0 if that takes a
	// request.
	Pause time.Duration
	// Missing says which function the process has called that is not written yet, if
	// that is why it has ended. To start it again would not help.
	Missing string
}

// A Supervisor keeps the processes of a cluster running, and does to them what it is
// asked for.
type Supervisor struct {
	cluster  *Cluster
	restarts Restarts
	report   func(Event)
	kept     []*kept // in the order of the cluster's members

	mu sync.Mutex // guards what is kept, and calls of report
}

// A kept is one process under supervision.
type kept struct {
	*Member
	requests chan request
	// failed is true as long as the process does not run, and has ended by itself.
	failed bool
	state  State
	since  time.Time // when state began
	// reason and restart are as in Process.
	reason  string
	restart time.Time
}

// A State is what a process does.
type State string

// States of processes.
const (
	Running State = "running"
	Paused  State = "paused" // by Pause; it is there, and does nothing
	Ended   State = "ended"
)

// A Process is the state of one process.
type Process struct {
	Member *Member
	// ID is the id of the process that was started last.
	ID    int
	State State
	Since time.Time
	// Reason says how it has ended, and what that means.
	Reason string
	// Restart is when it is started again; zero if that takes a request, or if it runs.
	Restart time.Time
}

// An Action is what a Supervisor does to a process.
type Action string

// Actions.
const (
	// Kill ends the process at once, as kill -9 does. It is not started again by itself.
	Kill Action = "kill"
	// Pause makes it stop where it is, and Resume makes it go on.
	Pause  Action = "pause"
	Resume Action = "resume"
	// Restart starts it. If it runs, it is stopped in order before.
	Restart Action = "restart"
)

// A RefusedError is that an action makes no sense in the state that a process is in.
type RefusedError struct{ Message string }

func (e *RefusedError) Error() string { return e.Message }

// stopGrace is how long a process may take to stop before it is killed.
const stopGrace = 15 * time.Second

type request struct {
	action Action
	done   chan<- error // has room for one
}

// Supervisor returns a supervisor that calls report with what happens, one call at a
// time.
func (c *Cluster) Supervisor(r Restarts, report func(Event)) *Supervisor {
	s := &Supervisor{cluster: c, restarts: r, report: report}
	for _, m := range c.members() {
		s.kept = append(s.kept, &kept{Member: m, requests: make(chan request), state: Running, since: time.Now()})
	}
	return s
}

// Run waits until ctx is done, and meanwhile starts each process again that ends. All
// must run. Until it returns, the processes are its own. It is called once.
//
// A process that is killed comes back, unless Do has killed it. When no store is left and
// none was killed, something is wrong that a restart does not mend: then Run returns an
// error with the last words of a store.
//
// A process that ends because a function of its code is not written yet is not started
// again. If no other store serves clients at that moment, as when the cluster starts, Run
// returns an UnfinishedError: others may wait for that process forever.
func (s *Supervisor) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, k := range s.kept {
		group.Go(func() error { return s.keep(ctx, k) })
	}
	return group.Wait()
}

// An UnfinishedError says which function a process has called that is not written yet.
type UnfinishedError struct{ Missing string }

func (e *UnfinishedError) Error() string { return e.Missing }

// Processes returns the state of all processes, the scheduler first.
func (s *Supervisor) Processes() []Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Process
	for _, k := range s.kept {
		all = append(all, Process{Member: k.Member, ID: k.Process(), State: k.state, Since: k.since, Reason: k.reason, Restart: k.restart})
	}
	return all
}

// Do does something to a process while Run runs. It returns a RefusedError if that makes
// no sense.
func (s *Supervisor) Do(ctx context.Context, m *Member, a Action) error {
	i := slices.IndexFunc(s.kept, func(k *kept) bool { return k.Member == m })
	done := make(chan error, 1)
	select {
	case s.kept[i].requests <- request{a, done}:
	case <-ctx.Done():
		return errors.Trace(ctx.Err())
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errors.Trace(ctx.Err())
	}
}

// keep keeps one process running until ctx is done.
func (s *Supervisor) keep(ctx context.Context, k *kept) error {
	pause := time.Duration(0) // before the last restart that nothing asked for
	var again <-chan time.Time
	exited, begin := k.Exited(), time.Now()
	for {
		select {
		case <-exited:
			exited, again = nil, nil
			pause = s.restarts.next(pause, time.Since(begin))
			restart, err := s.ended(k, pause)
			if err != nil {
				return err
			}
			if restart {
				again = time.After(pause)
			}
		case <-again:
			again = nil
			if err := s.start(k); err != nil {
				return err
			}
			exited, begin = k.Exited(), time.Now()
		case r := <-k.requests:
			err := s.do(ctx, k, r.action)
			switch {
			case err != nil: // all is as before, or the process has ended by itself
			case r.action == Kill:
				exited, again = nil, nil // its end is reported
			case r.action == Restart:
				exited, again, begin, pause = k.Exited(), nil, time.Now(), 0
			}
			r.done <- err
		case <-ctx.Done():
			return nil
		}
	}
}

// do carries out a request.
func (s *Supervisor) do(ctx context.Context, k *kept, a Action) error {
	s.mu.Lock()
	state := k.state
	s.mu.Unlock()
	// A process may have ended that keep has not heard of yet.
	running := k.Running() && state != Ended
	refused := func(why string) error { return &RefusedError{fmt.Sprintf("cannot %s %s: %s", a, k.Name, why)} }
	switch {
	case a == Restart:
		if k.Running() {
			if !k.stop(ctx, stopGrace) {
				return errors.Trace(ctx.Err()) // all are about to be stopped
			}
		}
		return s.start(k)
	case !running:
		return refused("it does not run")
	case a == Kill:
		k.Kill()
		s.mu.Lock()
		defer s.mu.Unlock()
		k.failed = false
		k.change(Ended)
		k.reason = k.Exit() + ", as was asked for"
		s.report(Event{Member: k.Member, Process: k.Process(), Ended: k.Exit(), Killed: true})
	case a == Pause && state == Paused:
		return refused("it is paused already")
	case a == Resume && state != Paused:
		return refused("it is not paused")
	case a == Pause:
		if err := pause(k.process.Process); err != nil {
			return refused(err.Error())
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		k.change(Paused)
	case a == Resume:
		if err := resume(k.process.Process); err != nil {
			return refused(err.Error())
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		k.change(Running)
	default:
		panic("cluster: unknown action " + string(a))
	}
	return nil
}

// change begins a state.
func (k *kept) change(to State) {
	k.state, k.since, k.reason, k.restart = to, time.Now(), "", time.Time{}
}

// next returns the pause after a process that has lasted for a while, before which
// the pause was last.
func (r Restarts) next(last, lasted time.Duration) time.Duration {
	if last == 0 || lasted > r.After {
		return r.After
	}
	return min(2*last, r.AtMost)
}

// ended reports the end of k, and whether it is to be started again after the pause. The
// error is that no store is left.
func (s *Supervisor) ended(k *kept, pause time.Duration) (restart bool, err error) {
	unfinished := k.process.ProcessState.ExitCode() == todo.ExitCode
	served := unfinished && s.othersServe(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	k.failed = k.process.ProcessState.Exited()
	k.change(Ended)
	e := Event{Member: k.Member, Process: k.Process(), Ended: k.Exit(), Killed: !k.failed, Pause: pause}
	k.reason, k.restart = k.Exit(), k.since.Add(pause)
	if k.failed {
		k.reason += ": " + k.LastWords()
	}
	if unfinished {
		_, e.Missing, _ = strings.Cut(k.LastWords(), ": ")
		e.Pause, k.reason, k.restart = 0, e.Missing, time.Time{}
	}
	if unfinished && !served {
		return false, &UnfinishedError{e.Missing}
	}
	s.report(e)
	if !s.left() {
		return false, errors.Errorf("all stores have ended; the last words of %s in %s are: %s", k.Name, k.Log, k.LastWords())
	}
	return !unfinished, nil
}

// othersServe reports whether a store other than k serves clients.
func (s *Supervisor) othersServe(k *kept) bool {
	return slices.ContainsFunc(s.kept, func(other *kept) bool {
		return other != k && other.Member != s.cluster.scheduler && other.serves()
	})
}

// serves reports whether the process of a store says that it serves clients.
func (s *Member) serves() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := grpc.NewClient(s.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return false
	}
	defer conn.Close()
	response, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return err == nil && response.Status == grpc_health_v1.HealthCheckResponse_SERVING
}

// left reports whether a store runs or may come back.
func (s *Supervisor) left() bool {
	return slices.ContainsFunc(s.kept, func(k *kept) bool { return k.Member != s.cluster.scheduler && !k.failed })
}

// start starts a process that does not run.
func (s *Supervisor) start(k *kept) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := k.start(); err != nil {
		return err
	}
	k.failed = false
	k.change(Running)
	s.report(Event{Member: k.Member, Process: k.Process()})
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

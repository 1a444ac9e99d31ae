package sim

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/stack"
	"github.com/labkv/labkv/lab/trace"
)

// A Client is what a simulated client does, on a goroutine of its own: it works
// as long as Session.Working says so, finishes what it has begun, and returns.
type Client func(s *Session)

// Clients returns n times the same client.
func Clients(n int, c Client) []Client {
	all := make([]Client, n)
	for i := range all {
		all[i] = c
	}
	return all
}

// A Session is what one client has of the world. It belongs to the client's
// goroutine.
type Session struct {
	// ID tells clients apart, from 1.
	ID uint64
	// Draw makes the client's random choices.
	Draw *dice.Drawer
	// History takes down what the client does.
	History *check.Recorder
	// Stores are the stores that there are, ascending.
	Stores []uint64
	// Setting is the setting of the run.
	Setting Setting

	world   *World
	slept   uint64
	counted uint64
	caller  *caller // of the present life; the world's lock guards changes
}

// A clientele is all clients of a world. The world's lock guards what it has.
type clientele struct {
	w        *World
	sessions []*Session
	working  map[*Session]bool
	mortals  map[uint64]*mortal // by client
	history  *check.History
}

// Context ends with the run, and with the present life of the client (CrashClient). The
// client must return then; after a crash it is called again.
func (s *Session) Context() context.Context { return s.caller.ctx }

// Count returns 1, 2, 3 and so on, never the same again, also after a crash.
func (s *Session) Count() uint64 {
	s.counted++
	return s.counted
}

// Now returns the time since the beginning of the run.
func (s *Session) Now() time.Duration { return s.world.now() }

// Working reports whether the client should do something new.
func (s *Session) Working() bool {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	return s.world.phases.now == disturbed && s.Context().Err() == nil
}

// Dial returns a connection to a machine. The client makes one call after the other.
func (s *Session) Dial(machine uint64) client.Conn {
	return &conn{calls: &s.world.calls, from: s.caller, to: machine}
}

// Served notes that the client was told that a request of its was done.
func (s *Session) Served() { s.world.served.Store(s.world.progress.Load()) }

// Sleep returns after d, or with the end of Context.
func (s *Session) Sleep(d time.Duration) { _ = s.SleepWithin(s.Context(), d) }

// SleepWithin returns nil after d, or the error of ctx as soon as ctx is done. ctx must
// be derived from Context.
func (s *Session) SleepWithin(ctx context.Context, d time.Duration) error {
	s.slept++
	woken := make(chan struct{})
	w := s.world
	w.post(&event{at: w.now() + max(d, 1), name: name{kind: wakes, to: s.ID, n: s.slept}, do: func() { close(woken) }})
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Tracing reports whether the log of the run is kept: if not, there is no need to make
// up an event for Tell.
func (s *Session) Tracing() bool { return s.world.record.tracing }

// Tell adds to the log of the run. It fills in the time and the client.
func (s *Session) Tell(event trace.Event) {
	event.Client = s.ID
	s.world.record.tell(event)
}

// Reach notes that the run has come to a situation of interest.
func (s *Session) Reach(g Goal) { s.world.Reach(g) }

// Fail ends the run: the client saw what must not be. It does not return.
func (s *Session) Fail(rule, format string, args ...any) {
	s.world.fail(&Failure{Rule: rule, Found: fmt.Sprintf("client %d: ", s.ID) + fmt.Sprintf(format, args...)})
	runtime.Goexit()
}

// admit starts clients.
func (cs *clientele) admit(clients []Client) {
	w := cs.w
	for _, c := range clients {
		w.mu.Lock()
		s := &Session{ID: uint64(len(cs.sessions)) + 1, Stores: w.setting.Machines(Store), Setting: w.setting, world: w}
		s.Draw = dice.NewDrawer(w.dice, askClient, s.ID)
		s.History = cs.history.Recorder(int(s.ID), w.now)
		cs.sessions = append(cs.sessions, s)
		cs.working[s] = true
		w.mu.Unlock()
		s.begin()
		go cs.serve(s, c)
	}
}

func (cs *clientele) serve(s *Session, c Client) {
	w := cs.w
	defer func() {
		if r := recover(); r != nil {
			w.fail(&Failure{
				Rule: "client", Found: fmt.Sprintf("client %d panics: %v", s.ID, r),
				Stack: stack.Text(stack.Parse(string(debug.Stack()), stack.Root)[0].Calls), Harness: true,
			})
		}
		w.mu.Lock()
		delete(cs.working, s)
		w.mu.Unlock()
	}()
	// Clients do not all begin at once.
	s.Sleep(dice.Scaled(s.Draw.Bits(), 0, 100*time.Millisecond))
	c(s)
	for s.risen() {
		c(s)
	}
}

// waiting returns the call that the first of the clients that have not finished
// waits for, or nil.
func (cs *clientele) waiting() *call {
	w := cs.w
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range cs.sessions {
		if cs.working[s] {
			return s.caller.call
		}
	}
	return nil
}

// unfinished says which client has not finished, "" if all have.
func (cs *clientele) unfinished() string {
	w := cs.w
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range cs.sessions {
		if !cs.working[s] {
			continue
		}
		if s.caller.call != nil {
			return fmt.Sprintf("client %d still waits for %v", s.ID, s.caller.call)
		}
		return fmt.Sprintf("client %d has not finished", s.ID)
	}
	return ""
}

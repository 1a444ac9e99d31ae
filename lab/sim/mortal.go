package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/trace"
)

// A life of a client ends with a crash (CrashClient): its context ends, calls under way
// break, and everything that it knew is gone. A while later the client begins again, as a
// program that is started again; the stores never hear of it.
//
// A client that stands still (PauseClient) is alive, and others cannot tell.
//
// A mortal is what there is of a client beyond its lives. The world's lock guards it.
type mortal struct {
	calls uint64 // that it has made
	armed *doom
}

// A doom is what befalls a client at a call that it is going to make.
type doom struct {
	at    uint64 // the number of the call
	fault *activeFault
}

// mortal returns what there is of the client with that id. The caller holds the world's
// lock.
func (cs *clientele) mortal(id uint64) *mortal {
	m := cs.mortals[id]
	if m == nil {
		m = &mortal{}
		cs.mortals[id] = m
	}
	return m
}

// arm makes the client that f aims at crash or pause.
func (cs *clientele) arm(f *activeFault) {
	cs.w.mu.Lock()
	defer cs.w.mu.Unlock()
	m := cs.mortal(uint64(f.Who))
	m.armed = &doom{m.calls + uint64(max(f.Count, 1)), f}
}

// disarm undoes arm, unless it has happened.
func (cs *clientele) disarm(f *activeFault) {
	cs.w.mu.Lock()
	defer cs.w.mu.Unlock()
	if m := cs.mortal(uint64(f.Who)); m.armed != nil && m.armed.fault == f {
		m.armed = nil
	}
}

// callsMade returns the number of calls that each client has made so far. The caller
// holds the world's lock.
func (cs *clientele) callsMade() []uint64 {
	made := make([]uint64, cs.w.setting.Clients)
	for i := range made {
		made[i] = cs.mortal(uint64(i) + 1).calls
	}
	return made
}

// calling counts a call that is about to begin, in a life, and reports whether the client
// crashes instead. If the client pauses, that comes before the return.
func (s *Session) calling(life *caller) (crashed bool) {
	w := s.world
	w.mu.Lock()
	m := w.clients.mortal(s.ID)
	m.calls++
	a, n := m.armed, m.calls
	if a == nil || n < a.at {
		w.mu.Unlock()
		return false
	}
	m.armed = nil
	w.mu.Unlock()
	if a.fault.Kind == PauseClient {
		w.Reach(ClientPaused)
		return s.SleepWithin(life.ctx, a.fault.Delay) != nil
	}
	w.Reach(ClientCrashed)
	if a.fault.Point == CrashBefore {
		s.crash(life, n)
		return true
	}
	// The request leaves. The client crashes while it is on its way, or is carried out.
	// It may hear the answer, and may even have begun with what comes next.
	longest := 8*w.setting.LatencyMax + 2*w.setting.Disk
	at := w.now() + dice.Scaled(w.dice.Roll(askCrash, n, s.ID, 0), 1, longest)
	w.post(&event{at: at, name: name{kind: clientCrashes, to: s.ID, n: n}, do: func() { s.crash(life, n) }})
	return false
}

// crash ends a life of s, because of its n-th call.
func (s *Session) crash(life *caller, n uint64) {
	w := s.world
	if life.ctx.Err() != nil {
		return
	}
	w.record.tell(trace.Event{Kind: trace.Crash, Client: s.ID, N: n, Text: fmt.Sprintf("at its call %d", n)})
	w.mu.Lock()
	call := life.call
	w.mu.Unlock()
	if call != nil {
		call.abandon(errReset)
	}
	life.die()
}

// begin begins a life of s.
func (s *Session) begin() {
	w := s.world
	ctx, die := context.WithCancel(w.ctx)
	w.mu.Lock()
	s.caller = &caller{end: clientEnd + s.ID, client: s.ID, session: s, ctx: ctx, die: die}
	w.mu.Unlock()
}

// risen reports whether s goes on with another life, which has begun then.
func (s *Session) risen() bool {
	if s.world.ctx.Err() != nil || s.Context().Err() == nil {
		return false
	}
	s.begin()
	s.Sleep(dice.Scaled(s.Draw.Bits(), time.Millisecond, 10*s.Setting.Tick))
	return true
}

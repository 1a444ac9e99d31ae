package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/trace"
)

// A phase is a part of a run. A run goes through them in this order.
type phase int

const (
	// While disturbed, things go wrong as the schedule says, and clients begin
	// something new.
	disturbed phase = iota
	// In the core phase, a majority of the stores is well and stays well, and the
	// others stay broken: the faults of the schedule that begin at the end of its
	// span. The majority must serve the clients, which finish what they have begun.
	// A schedule without such faults has no core phase.
	core
	// While recovering, everything is well. The clients must finish, and the system
	// must settle.
	recovering
	// In the end the clients of Scenario.Finally look at what is there.
	concluding
)

// Phases lead a run from one phase to the next.
type phases struct {
	w *World

	now      phase         // guarded by the world's lock
	core     []Fault       // of the core phase
	deadline time.Duration // of the present phase
	writes   []uint64      // of each machine, in the first phase
	calls    []uint64      // of each client, in the first phase
	over     bool          // so is the run
}

// Recovery is how long each phase after the first may take.
//
// It is derived for a system that elects a leader, with election timeouts of 10 to 20
// ticks. A candidate may be refused because its log lacks something, and at least
// one machine in three is not. So 600 ticks, which are 40 elections, all fail with
// a probability of (2/3)^40, less than one in ten million. A client needs little time
// beside that.
const Recovery = 30 * time.Second

// The rules of phases.
const (
	ruleCore     = "a majority that is well serves its clients"
	ruleRecovers = "recovers"
)

// coreFaults makes the faults of the core phase, in every other run: which machines
// are broken, at least one and less than half of them, and how.
func coreFaults(d *dice.Drawer, s Setting) []Fault {
	if s.Stores < 3 || d.Chance(0.5) {
		return nil
	}
	ids := make([]int, s.Stores)
	for i := range ids {
		ids[i] = i + 1
	}
	var faults []Fault
	for range d.Between(1, (s.Stores-1)/2) {
		i := d.IntN(len(ids))
		faults = append(faults, Fault{
			Kind: dice.Pick(d, Crash, Isolate, Pause, DiskFull), Who: ids[i], From: s.Span, Until: s.Span + Recovery,
		})
		ids = slices.Delete(ids, i, i+1)
	}
	return faults
}

// endDisturbance begins the phase after the first. The machines that are to be broken
// are broken before those that were are well again.
func (ps *phases) endDisturbance() {
	w := ps.w
	before := slices.Clone(w.faults.active)
	next := recovering
	ps.core = ps.spare(slices.DeleteFunc(slices.Clone(w.schedule.Faults), func(f Fault) bool { return f.From < w.setting.Span }))
	for _, f := range ps.core {
		w.faults.begin(&activeFault{Fault: f})
		next = core
	}
	for _, f := range before {
		w.faults.end(f)
	}
	if next == recovering {
		w.faults.heal()
	}
	for _, m := range w.machines {
		m.revive()
		ps.writes = append(ps.writes, m.writes)
	}
	w.mu.Lock()
	ps.calls = w.clients.callsMade()
	w.mu.Unlock()
	ps.enter(next)
	ps.supervise(1)
}

// heal ends all faults.
func (fs *faults) heal() {
	w := fs.w
	for len(fs.active) > 0 {
		fs.end(fs.active[0])
	}
	w.record.tell(trace.Event{Kind: trace.Heal})
}

func (ps *phases) enter(p phase) {
	w := ps.w
	w.mu.Lock()
	defer w.mu.Unlock()
	ps.now = p
	ps.deadline = w.now() + Recovery
}

// supervise looks whether the present phase is over, and what comes then.
func (ps *phases) supervise(n uint64) {
	w := ps.w
	now := w.now()
	switch missing := ps.missing(); {
	case missing == "":
		if ps.advance(); ps.over {
			return
		}
	case now >= ps.deadline && ps.now == core:
		w.fail(&Failure{Rule: ruleCore, lesser: true, call: w.clients.waiting(), Found: fmt.Sprintf(
			"%s after all stores but %s became well and stayed well, %s", seconds(Recovery), ps.broken(), missing)})
		return
	case now >= ps.deadline:
		w.fail(&Failure{Rule: ruleRecovers, lesser: true, call: w.clients.waiting(), Found: fmt.Sprintf("%s after everything was well again, %s", seconds(Recovery), missing)})
		return
	}
	w.post(&event{at: now + w.setting.Tick, name: name{kind: supervises, n: n}, do: func() { ps.supervise(n + 1) }})
}

// advance goes on to the next phase.
func (ps *phases) advance() {
	w := ps.w
	switch {
	case ps.now == core:
		w.faults.heal()
		ps.enter(recovering)
	case ps.now == recovering && len(w.scenario.Finally) > 0:
		ps.enter(concluding)
		w.clients.admit(w.scenario.Finally)
	default:
		ps.over = true
	}
}

// broken lists the machines that are broken in the core phase.
func (ps *phases) broken() string {
	var all []string
	for _, f := range ps.core {
		all = append(all, fmt.Sprintf("%d (%s)", f.Who, f.Kind))
	}
	return strings.Join(all, " and ")
}

// missing says what still has to happen in the present phase, "" if nothing has.
func (ps *phases) missing() string {
	w := ps.w
	if missing := w.clients.unfinished(); missing != "" || ps.now == core {
		return missing
	}
	var live []Process
	for _, m := range w.machines {
		l := m.current()
		if l == nil {
			return fmt.Sprintf("%v is down", m)
		}
		live = append(live, l.process)
	}
	missing := ""
	w.enter(w.machines[0].life, func() { missing = w.system.Unsettled(live) })
	return missing
}

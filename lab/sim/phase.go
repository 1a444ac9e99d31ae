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
func (w *World) endDisturbance() {
	before := slices.Clone(w.active.faults)
	next := recovering
	for i := range w.schedule.Faults {
		if f := w.schedule.Faults[i]; f.From >= w.setting.Span {
			w.begin(&activeFault{Fault: f})
			next = core
		}
	}
	for _, f := range before {
		w.end(f)
	}
	if next == recovering {
		w.heal()
	}
	for _, m := range w.machines {
		w.revive(m)
		w.writes = append(w.writes, m.writes)
	}
	w.enterPhase(next)
	w.supervise(1)
}

// heal ends all faults.
func (w *World) heal() {
	for len(w.active.faults) > 0 {
		w.end(w.active.faults[0])
	}
	w.tell(trace.Event{Kind: trace.Heal})
}

func (w *World) enterPhase(p phase) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phase = p
	w.deadline = w.now() + Recovery
}

// supervise looks whether the present phase is over, and what comes then.
func (w *World) supervise(n uint64) {
	now := w.now()
	switch missing := w.missing(); {
	case missing == "":
		if w.advance(); w.finished {
			return
		}
	case now >= w.deadline && w.phase == core:
		w.fail(&Failure{Rule: ruleCore, call: w.waiting(), Found: fmt.Sprintf(
			"%s after all stores but %s became well and stayed well, %s", seconds(Recovery), w.broken(), missing)})
		return
	case now >= w.deadline:
		w.fail(&Failure{Rule: ruleRecovers, call: w.waiting(), Found: fmt.Sprintf("%s after everything was well again, %s", seconds(Recovery), missing)})
		return
	}
	w.post(&event{at: now + w.setting.Tick, name: name{kind: supervises, n: n}, do: func() { w.supervise(n + 1) }})
}

// advance goes on to the next phase.
func (w *World) advance() {
	switch {
	case w.phase == core:
		w.heal()
		w.enterPhase(recovering)
	case w.phase == recovering && len(w.scenario.Finally) > 0:
		w.enterPhase(concluding)
		w.admit(w.scenario.Finally)
	default:
		w.finished = true
	}
}

// broken lists the machines that are broken in the core phase.
func (w *World) broken() string {
	var all []string
	for _, f := range w.schedule.Faults {
		if f.From >= w.setting.Span {
			all = append(all, fmt.Sprintf("%d (%s)", f.Who, f.Kind))
		}
	}
	return strings.Join(all, " and ")
}

// missing says what still has to happen in the present phase, "" if nothing has.
func (w *World) missing() string {
	if missing := w.unfinished(); missing != "" || w.phase == core {
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

package sim

import (
	"cmp"
	"slices"
	"testing/synctest"
	"time"

	"github.com/labkv/labkv/lab/dice"
)

// A machine attends to one thing at a time. Code under test writes to its disks and
// goes on in the same instant, but the disks take time (Setting.Disk). So the time
// is settled afterwards: as soon as a call of the process returns, the machine is
// busy for as long as everything that the call wrote takes. What the process has
// sent after a write leaves only when the disks are done with that write, and if the
// machine crashes before, it never leaves. A machine that is paused (Pause) attends
// to nothing at all.
//
// What comes for a machine that does not attend is held, and happens when it attends
// again: after a wait for a disk in the order in which it came. A process that was
// paused finds something on each of its connections, and the seed says which it
// reads first.

// An attention is whether a machine attends. It is guarded by the world's lock,
// held and singly by the driver.
type attention struct {
	// lag is how long the disks take for what was written in the present call.
	lag time.Duration
	// busy is when the disks are done with what earlier calls wrote. Once they
	// are, it may be zero.
	busy time.Duration
	// paused counts the faults that pause the machine.
	paused int

	// held is what came while the machine did not attend, oldest first.
	held []*event
	// singly is set while held events happen one at a time, with passes in between.
	singly bool
	// resumed counts the events with which the machine attends again.
	resumed uint64
}

// attends reports whether the machine attends now.
func (a *attention) attends(now time.Duration) bool { return a.paused == 0 && a.busy <= now }

// takesTime adds to the lag what a write takes. The world is locked.
func (m *machine) takesTime(sync bool) {
	w := m.world
	longest := w.setting.Disk
	if longest == 0 {
		return
	}
	bits := w.dice.Roll(askDisk, m.writes, m.id, 0)
	if sync {
		m.lag += dice.Scaled(bits, longest/4, longest)
	} else {
		m.lag += dice.Scaled(bits, 0, longest/40)
	}
}

// takeLag returns the lag and sets it to zero.
func (m *machine) takeLag() time.Duration {
	w := m.world
	w.mu.Lock()
	defer w.mu.Unlock()
	lag := m.lag
	m.lag = 0
	return lag
}

// attends makes the machine busy with what was just written, and reports whether
// it attends.
func (m *machine) attends() bool {
	w := m.world
	lag := m.takeLag()
	if lag == 0 && m.paused == 0 && m.busy == 0 {
		return true // the usual case, decided without a look at the clock
	}
	now := w.now()
	w.mu.Lock()
	switch {
	case lag > 0:
		m.busy = max(m.busy, now) + lag
	case m.busy <= now:
		m.busy = 0
	}
	w.mu.Unlock()
	if lag > 0 {
		m.resumeAt(m.busy)
	}
	return m.attention.attends(now)
}

// attentive returns the incarnation that attends now, or nil. It is current and attends
// in one: the driver asks each machine after each event, and nearly always this is all.
func (m *machine) attentive() *life {
	w := m.world
	w.mu.Lock()
	l := m.life
	runs := l != nil && l.process != nil
	free := m.lag == 0 && m.paused == 0 && m.busy == 0
	w.mu.Unlock()
	if runs && (free || m.attends()) {
		return l
	}
	return nil
}

// leaves has do happen when what l does in the present call leaves its machine: now, or
// with an event of name n.
func (m *machine) leaves(l *life, n name, do func()) {
	w, now := m.world, m.world.now()
	w.mu.Lock()
	at := max(m.busy, now) + m.lag
	wait := at > now || m.paused > 0
	w.mu.Unlock()
	if !wait {
		do()
		return
	}
	w.post(&event{at: at, name: n, incarnation: l.incarnation, do: do})
}

// holds keeps e for later if its machine does not attend to it. Slow work goes on
// and what was sent leaves while the process waits for a disk, but not while it is
// paused.
func (m *machine) holds(e *event) bool {
	if m.current() == nil {
		return false
	}
	switch {
	case m.attention.attends(m.world.now()) && len(m.held) == 0:
		return false
	case m.paused == 0 && (e.kind == worksSlowly || e.kind == departs):
		return false
	}
	m.held = append(m.held, e)
	return true
}

// holdsTick reports whether a tick is held already. A ticker drops all but one of
// the ticks that a process which stands still does not take.
func (m *machine) holdsTick() bool {
	for _, e := range m.held {
		if e.kind == ticks {
			return true
		}
	}
	return false
}

func (m *machine) resumeAt(at time.Duration) {
	m.resumed++
	m.world.post(&event{at: at, name: name{kind: resumes, to: m.id, n: m.resumed}, do: m.resume})
}

// resume runs the events that were held, as long as the machine attends.
func (m *machine) resume() {
	for len(m.held) > 0 && m.attends() {
		e := m.held[0]
		m.held = m.held[1:]
		m.world.carryOut(e)
		synctest.Wait() // a handler submits before the next one begins
		if m.singly && len(m.held) > 0 {
			m.resumeAt(m.world.now())
			return
		}
	}
	if len(m.held) == 0 {
		m.held, m.singly = nil, false
	}
}

// pause makes the machine stand still, until as many calls of unpause.
func (m *machine) pause() {
	w := m.world
	if m.leads {
		w.Reach(LeaderPaused)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	m.paused++
}

// unpause resumes the machine after the fault of that number. It takes what it finds
// connection by connection, all at once or with passes in between.
func (m *machine) unpause(fault int) {
	w := m.world
	w.mu.Lock()
	m.paused--
	w.mu.Unlock()
	if m.paused > 0 {
		return
	}
	roll := func(nth uint64) uint64 { return w.dice.Roll(askResume, nth, m.id, uint64(fault)) }
	slices.SortStableFunc(m.held, func(a, b *event) int { return cmp.Compare(roll(a.from), roll(b.from)) })
	m.singly = roll(1<<32)%4 != 0
	m.resume()
}

// letGo ends all holding, as the incarnation l that it concerned is over. What was
// held finds it gone.
func (m *machine) letGo() {
	held := m.held
	m.held, m.singly = nil, false
	for _, e := range held {
		m.world.carryOut(e)
	}
}

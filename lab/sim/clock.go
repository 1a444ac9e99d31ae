package sim

import (
	"time"

	"github.com/labkv/labkv/lab/dice"
)

// startClock has l ticked from now on.
func (m *machine) startClock(l *life) {
	w := m.world
	first := dice.Scaled(w.dice.Roll(askTick, 0, m.id, l.incarnation), 0, w.setting.Tick)
	w.post(&event{at: w.now() + first, name: name{kind: ticks, to: m.id, from: l.incarnation}, incarnation: l.incarnation, do: l.process.Tick})
}

// clockTicks plans the tick after e, and reports whether the process gets to see e.
func (m *machine) clockTicks(e *event) bool {
	w := m.world
	l := w.addressee(e)
	if l == nil {
		return false
	}
	m.ticked++
	next := time.Duration(float64(w.setting.Tick) / m.rate)
	// Clocks that agree to the nanosecond do not exist.
	next += dice.Scaled(w.dice.Roll(askTick, 1, m.id, m.ticked), 0, w.setting.Tick/64)
	w.post(&event{at: w.now() + next, name: name{kind: ticks, to: m.id, from: l.incarnation, n: m.ticked}, incarnation: l.incarnation, do: l.process.Tick})
	switch {
	case w.faults.stalls(m.id):
		m.owed++
		return false
	case m.paused > 0 && m.holdsTick():
		return false
	}
	return true
}

// catchUp delivers the ticks that the clock owes.
func (m *machine) catchUp() {
	owed := m.owed
	m.owed = 0
	l := m.current()
	if l == nil {
		return
	}
	for range owed {
		e := &event{name: name{kind: ticks, to: m.id}, incarnation: l.incarnation, do: l.process.Tick}
		if !m.holds(e) {
			m.world.carryOut(e)
		}
	}
}

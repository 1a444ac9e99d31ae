package sim

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/trace"
)

// A machine is a computer of the world: disks that survive, and on them, one
// after the other, incarnations of the program.
type machine struct {
	id    uint64
	role  Role
	world *World

	mu    sync.Mutex // guards disks
	disks []*disk
	files fileSystem

	// The rest is guarded by the world's lock.

	life  *life // the present incarnation, or nil while the machine is down
	last  *life // the last incarnation that was shut down in order
	boots uint64
	// erased counts how often the machine has lost its disks. It belongs to the
	// driver.
	erased int
	// down counts the faults that keep the machine down.
	down int

	// writes counts what was written to any disk of the machine.
	writes uint64
	// armed is what befalls a coming write, nil for nothing.
	armed *ambush
	// full counts the faults that fill the disks.
	full int

	// ticked counts ticks over all incarnations; owed are those that a clock
	// that stands still holds back.
	ticked, owed uint64
	// rate is how fast the clock goes, 1 if it is right.
	rate float64

	attention

	// leads is whether the process said so after the last event. It is not
	// asked in the middle of one.
	leads bool
}

// A life is one incarnation of the program on a machine.
type life struct {
	machine     *machine
	incarnation uint64
	process     Process
	services    map[string]handler
	caller      caller
	dead        atomic.Bool
	exits       atomic.Bool // it wants to end
	// serves is the context of the calls that it serves. They end before it is closed in
	// order; the calls that it makes it ends itself then.
	serves       context.Context
	hangUp, kill context.CancelFunc

	// touched is set if its code ran since it was last watched. It belongs to
	// the driver.
	touched bool

	// Guarded by the world's lock.

	tasks    uint64            // given to Go
	commands uint64            // given to Command
	drawn    map[uint64]uint64 // from RandIntN, by purpose
	serving  map[*call]bool    // calls whose answers have not left; whether their handlers run
	calling  map[*call]bool    // calls that it has made and is not through with
}

func (l *life) alive() bool { return !l.dead.Load() }

func newMachine(w *World, id uint64, role Role) *machine {
	m := &machine{id: id, role: role, world: w, rate: 1}
	m.files = newFileSystem(m.writesFile)
	return m
}

// String returns the machine's name, such as "store 1".
func (m *machine) String() string { return fmt.Sprintf("%s %d", m.role, m.id) }

// boot starts an incarnation.
func (m *machine) boot() {
	w := m.world
	w.mu.Lock()
	m.boots++
	l := &life{machine: m, incarnation: m.boots, drawn: map[uint64]uint64{}, serving: map[*call]bool{}, calling: map[*call]bool{}}
	var living context.Context
	living, l.kill = context.WithCancel(context.Background())
	l.serves, l.hangUp = context.WithCancel(living)
	l.caller = caller{end: m.id, life: l, ctx: living}
	m.life = l
	w.mu.Unlock()
	env := &Env{
		ID: m.id, Role: m.role, Incarnation: l.incarnation, Erased: m.erased, Setting: w.setting,
		Logger: slog.New(slog.DiscardHandler),
		world:  w, machine: m, life: l,
	}
	if l.incarnation > 1 {
		w.Reach(Restarted)
	}
	w.record.tell(trace.Event{Kind: trace.Start, Store: m.id, N: l.incarnation})
	var err error
	var process Process
	w.enter(l, func() { process, err = w.system.Boot(env) })
	if err != nil && l.alive() {
		w.fail(&Failure{Rule: "restart", Store: m.id, Found: errors.Annotatef(err, "%v does not start", m).Error()})
	}
	if err != nil || process == nil {
		return
	}
	if s, ok := process.(Server); ok {
		l.services = handlers(s.Services())
	}
	w.mu.Lock()
	l.process = process
	w.mu.Unlock()
	m.startClock(l)
}

// end marks the present incarnation as dead, and reports whether there was a
// live one.
func (m *machine) end() bool {
	w := m.world
	w.mu.Lock()
	defer w.mu.Unlock()
	l := m.life
	if l == nil || l.dead.Swap(true) {
		return false
	}
	m.life = nil
	m.owed = 0
	m.lag, m.busy = 0, 0
	w.fallen = append(w.fallen, l)
	return true
}

// crash cuts the power. If it happens within a write to the disk busy, that disk
// sees to itself.
func (m *machine) crash(busy *disk) bool {
	if !m.end() {
		return false
	}
	w := m.world
	m.mu.Lock()
	disks := slices.Clone(m.disks)
	m.mu.Unlock()
	lost := false
	for i, d := range disks {
		if d == busy {
			continue
		}
		n := d.Unsynced()
		keep := m.keeps(uint64(i) + 1)(n)
		lost = lost || keep < n
		d.Crash(keep)
	}
	m.files.crash(m.keeps(0))
	w.Reach(Crashed)
	if lost {
		w.Reach(CrashLostWrites)
	}
	if m.leads {
		m.leads = false
		w.Reach(LeaderCrashed)
	}
	text := "loses nothing that was written"
	if lost {
		text = "loses writes that were not synced"
	}
	w.record.tell(trace.Event{Kind: trace.Crash, Store: m.id, N: m.boots, Text: text})
	return true
}

// mayErase reports whether the system can do without what is on the disks of m.
func (m *machine) mayErase() bool {
	o, ok := m.world.system.(Operator)
	return ok && o.MayErase(m.id)
}

// erase takes the disks away from m, which crashes, and gives it empty ones.
func (m *machine) erase() {
	m.crash(nil)
	m.world.bury()
	m.mu.Lock()
	m.disks = nil
	m.mu.Unlock()
	m.files = newFileSystem(m.writesFile)
	m.erased++
	m.world.Reach(Erased)
	m.world.record.tell(trace.Event{Kind: trace.Disk, Store: m.id, Text: "the disks are replaced by empty ones"})
}

// work plans slow work of an incarnation. It takes effect at once when it begins,
// and its result is handed over when it ends.
func (m *machine) work(l *life, work func() (done func())) {
	w := m.world
	if !l.alive() {
		return
	}
	w.mu.Lock()
	l.tasks++
	n := l.tasks
	w.mu.Unlock()
	took := dice.Scaled(w.dice.Roll(askTask, n, m.id, l.incarnation), 50*time.Microsecond, w.setting.SlowWork)
	waits := dice.Scaled(w.dice.Roll(askTaskWaits, n, m.id, l.incarnation), 0, took)
	w.post(&event{
		at: w.now() + waits, name: name{kind: worksSlowly, to: m.id, from: l.incarnation, n: n},
		incarnation: l.incarnation, do: func() {
			done := work()
			w.post(&event{
				at: w.now() + took - waits + m.takeLag(), name: name{kind: handsOver, to: m.id, from: l.incarnation, n: n},
				incarnation: l.incarnation, do: done,
			})
		},
	})
}

// exit plans the end of an incarnation that wants to end, and its restart.
func (m *machine) exit(l *life) {
	w := m.world
	if !l.alive() || l.exits.Swap(true) {
		return
	}
	w.post(&event{
		at: w.now() + 1, name: name{kind: exits, to: m.id, from: l.incarnation}, incarnation: l.incarnation,
		do: func() {
			if !l.alive() || !m.end() {
				return
			}
			m.release()
			m.leads = false
			w.Reach(Exited)
			w.record.tell(trace.Event{Kind: trace.Crash, Store: m.id, N: m.boots, Text: "gives up, and loses nothing that was written"})
			w.post(&event{at: w.now() + restartDelay*w.setting.Tick, name: name{kind: restarts, to: m.id, from: l.incarnation}, do: m.revive})
		},
	})
}

// restartDelay is how many ticks a machine waits until it starts a program again
// that has given up.
const restartDelay = 20

// revive starts m again if it is down and nothing keeps it down.
func (m *machine) revive() {
	w := m.world
	w.mu.Lock()
	up := m.life != nil
	w.mu.Unlock()
	if up || m.down > 0 {
		return
	}
	w.bury()
	m.boot()
}

// current returns the present incarnation if it is alive and has started.
func (m *machine) current() *life {
	m.world.mu.Lock()
	defer m.world.mu.Unlock()
	if l := m.life; l != nil && l.process != nil {
		return l
	}
	return nil
}

// shutDown ends the process without losing anything, as an operator does.
func (m *machine) shutDown() {
	if l := m.current(); l != nil {
		m.world.enter(l, l.process.Close)
		m.last = l
	}
	if m.end() {
		m.release()
	}
}

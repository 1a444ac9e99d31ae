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

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
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

type disk struct {
	name string
	*memory.Disk
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

	tasks   uint64            // given to Go
	drawn   map[uint64]uint64 // from RandIntN, by purpose
	serving map[*call]bool    // calls whose answers have not left; whether their handlers run
	calling map[*call]bool    // calls that it has made and is not through with
}

func (l *life) alive() bool { return !l.dead.Load() }

// An ambush waits for a write of a machine.
type ambush struct {
	at    uint64 // the number of the write
	point Point
	fault *activeFault
}

// A Point is how far a write gets.
type Point int

// The points at which a write can go wrong. They are those of package memory.
const (
	CrashBefore         Point = iota // the machine crashes before anything was written
	CrashUnacknowledged              // it crashes once it was written, before the sync
	CrashAfter                       // it crashes once it was written and synced
	FailWrite                        // the write fails
	FailSync                         // the sync fails
	points
)

var pointNames = []string{"before", "unacknowledged", "after", "error", "sync-error"}

func (p Point) String() string { return pointNames[p] }

func (p Point) fault() memory.FaultKind {
	return [...]memory.FaultKind{memory.CrashBefore, memory.CrashUnacknowledged, memory.CrashAfter, memory.FailWrite, memory.FailSync}[p]
}

func (p Point) crashes() bool { return p <= CrashAfter }

func newMachine(w *World, id uint64, role Role) *machine {
	m := &machine{id: id, role: role, world: w, rate: 1}
	m.files = newFileSystem(m.writesFile)
	return m
}

// String returns the machine's name, such as "store 1".
func (m *machine) String() string { return fmt.Sprintf("%s %d", m.role, m.id) }

// disk returns the disk of that name.
func (m *machine) disk(name string) *disk {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.disks {
		if d.name == name {
			return d
		}
	}
	d := &disk{name: name, Disk: memory.NewDisk()}
	d.Inject(func(w memory.Write) memory.Fault { return m.writesDisk(d, w) })
	m.disks = append(m.disks, d)
	slices.SortFunc(m.disks, func(a, b *disk) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return d
}

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
		ID: m.id, Role: m.role, Incarnation: l.incarnation, Setting: w.setting,
		Logger: slog.New(slog.DiscardHandler),
		world:  w, machine: m, life: l,
	}
	if l.incarnation > 1 {
		w.Reach(Restarted)
	}
	w.tell(trace.Event{Kind: trace.Start, Store: m.id, N: l.incarnation})
	var err error
	var process Process
	w.enter(l, func() { process, err = w.system.Boot(env) })
	if err != nil && l.alive() {
		w.fail(&Failure{Rule: "restart", Found: errors.Annotatef(err, "%v does not start", m).Error()})
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
	case w.active.stalls(m.id):
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

// keeps decides how much of what could survive a crash of the machine does.
// Losing all, losing nothing, and anything in between are about as likely.
func (m *machine) keeps(part uint64) func(n int) int {
	nth := m.boots
	dice := m.world.dice
	mode := dice.Roll(askKeep, 0, m.id, nth) % 4
	asked := uint64(0)
	return func(n int) int {
		asked++
		switch mode {
		case 0:
			return n
		case 1:
			return 0
		}
		return int(dice.Roll(askKeep, part<<32|asked, m.id, nth) % uint64(n+1))
	}
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
	w.tell(trace.Event{Kind: trace.Crash, Store: m.id, N: m.boots, Text: text})
	return true
}

// exit plans the end of an incarnation that wants to end, and its restart.
func (w *World) exit(e *Env) {
	if !e.life.alive() || e.life.exits.Swap(true) {
		return
	}
	w.post(&event{
		at: w.now() + 1, name: name{kind: exits, to: e.ID, from: e.Incarnation}, incarnation: e.Incarnation,
		do: func() {
			m := e.machine
			if !e.life.alive() || !m.end() {
				return
			}
			m.release()
			m.leads = false
			w.Reach(Exited)
			w.tell(trace.Event{Kind: trace.Crash, Store: m.id, N: m.boots, Text: "gives up, and loses nothing that was written"})
			w.post(&event{at: w.now() + restartDelay*w.setting.Tick, name: name{kind: restarts, to: m.id, from: e.Incarnation}, do: func() { w.revive(m) }})
		},
	})
}

// restartDelay is how many ticks a machine waits until it starts a program again
// that has given up.
const restartDelay = 20

// release ends the use of the disks by an incarnation that is over, and loses
// nothing.
func (m *machine) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.disks {
		d.Crash(memory.All)
	}
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

// ambushed counts a write that begins now, and returns what befalls it, if anything
// does.
func (m *machine) ambushed(sync bool) *ambush {
	w := m.world
	w.mu.Lock()
	defer w.mu.Unlock()
	m.writes++
	m.takesTime(sync)
	a := m.armed
	if a == nil || m.writes < a.at || m.life == nil {
		return nil
	}
	m.armed = nil
	return a
}

// writesDisk decides about a write to d.
func (m *machine) writesDisk(d *disk, write memory.Write) memory.Fault {
	a := m.ambushed(write.Sync)
	if a == nil {
		return memory.Fault{}
	}
	defer m.comeBack(a)
	m.tellWrite(d.name, a)
	fault := memory.Fault{Kind: a.point.fault()}
	if a.point.crashes() {
		unsynced := write.Unsynced
		if a.point != CrashBefore && write.Len > 0 {
			unsynced++
		}
		fault.Keep = m.keeps(1 << 16)(unsynced)
		if !m.crash(d) {
			return memory.Fault{}
		}
		m.world.Reach(CrashedWriting)
	} else {
		m.world.Reach(DiskFailed)
	}
	return fault
}

// comeBack restarts the machine after a, if it need not wait for the end of the
// fault.
func (m *machine) comeBack(a *ambush) {
	w := m.world
	if wait := a.fault.Delay; wait > 0 && a.point.crashes() {
		w.post(&event{at: w.now() + wait, name: name{kind: restarts, to: m.id, n: a.at}, do: func() { w.revive(m) }})
	}
}

func (m *machine) tellWrite(disk string, a *ambush) {
	m.world.tell(trace.Event{Kind: trace.Disk, Store: m.id, Text: fmt.Sprintf("write %d of the machine, to %s, goes wrong: %s", a.at, disk, a.point)})
}

// writesFile decides about a write to a file. A crash after a write is one
// before the next.
func (m *machine) writesFile(sync bool) error {
	a := m.ambushed(sync)
	if a == nil {
		return nil
	}
	defer m.comeBack(a)
	m.tellWrite("files", a)
	if a.point.crashes() {
		if m.crash(nil) {
			m.world.Reach(CrashedWriting)
		}
		return engine.ErrClosed
	}
	m.world.Reach(DiskFailed)
	return memory.ErrIO
}

// fill makes the disks full, or not full.
func (m *machine) fill(full bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.disks {
		if full {
			d.SetCapacity(d.Used())
		} else {
			d.SetCapacity(memory.Unlimited)
		}
	}
	m.files.mu.Lock()
	m.files.full = full
	m.files.mu.Unlock()
}

package sim

import (
	"fmt"
	"slices"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/trace"
)

type disk struct {
	name string
	*memory.Disk
}

// An ambush waits for a write of a machine.
type ambush struct {
	at    uint64 // the number of the write
	point Point
	fault *activeFault
}

// A Point is how far a write gets.
type Point int

// The points at which a write can go wrong. Package memory has the same ones.
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

// release ends the use of the disks by an incarnation that is over, and loses
// nothing.
func (m *machine) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.disks {
		d.Crash(memory.All)
	}
}

// ambush has a write of m go wrong.
func (m *machine) ambush(f *activeFault) {
	w := m.world
	w.mu.Lock()
	defer w.mu.Unlock()
	m.armed = &ambush{at: m.writes + uint64(max(f.Count, 1)), point: f.Point, fault: f}
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
		if fault.Keep < unsynced {
			m.world.Reach(CrashLostWrites)
		}
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
		w.post(&event{at: w.now() + wait, name: name{kind: restarts, to: m.id, n: a.at}, do: m.revive})
	}
}

func (m *machine) tellWrite(disk string, a *ambush) {
	m.world.record.tell(trace.Event{Kind: trace.Disk, Store: m.id, Text: fmt.Sprintf("write %d of the machine, to %s, goes wrong: %s", a.at, disk, a.point)})
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

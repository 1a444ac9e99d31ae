package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labkv/labkv/lab/trace"
)

// A FaultKind is a way for things to go wrong.
type FaultKind string

// The kinds of faults, and which fields of a Fault they use besides From, Until and
// Role. Where a kind has a Who, a link counts if it touches that machine.
const (
	Partition  FaultKind = "partition"   // Sides: nothing passes between them
	OneWay     FaultKind = "one-way"     // Sides: nothing passes from the first to the second
	Bridge     FaultKind = "bridge"      // Sides, Who: only Who reaches both
	Isolate    FaultKind = "isolate"     // Who: cut off from the other machines
	Deaf       FaultKind = "deaf"        // Who: nothing reaches it
	Mute       FaultKind = "mute"        // Who: nothing from it arrives
	Lose       FaultKind = "lose"        // Who, Share of the messages
	Duplicate  FaultKind = "duplicate"   // Who, Share of the messages
	Slow       FaultKind = "slow"        // Who, Share of the messages are late by up to Delay
	Cut        FaultKind = "cut"         // Who, Share: how likely each piece of a transfer is its end
	Repeat     FaultKind = "repeat"      // Who, Share of the transfers arrive once more, up to Delay later, and half of these soon
	LoseCalls  FaultKind = "lose-calls"  // Who, Share of the requests of clients, and of the replies
	SlowCalls  FaultKind = "slow-calls"  // Who, Share of both are late by up to Delay
	Crash      FaultKind = "crash"       // Who: crashes, restarts at the end
	CrashWrite FaultKind = "crash-write" // Who, Count, Point: goes wrong at its Count-th write from now; restarts at the end, or Delay after a crash
	DiskFull   FaultKind = "disk-full"   // Who
	// CrashClient uses Who, a client, Count, and Point: the client crashes at its Count-th
	// call from now, before the call leaves (CrashBefore) or a little after that
	// (CrashUnacknowledged), and begins again soon. Role is ClientRole.
	CrashClient FaultKind = "crash-client"
	// PauseClient uses Who, a client, Count, and Delay: the client stands still for that
	// long before its Count-th call from now. Role is ClientRole.
	PauseClient FaultKind = "pause-client"
	FlipBit     FaultKind = "flip-bit" // Who: a bit of one of its files changes
	Skew        FaultKind = "skew"     // Who, Share: its clock is slow by that
	Stall       FaultKind = "stall"    // Who: its clock stands still, then catches up at once
	Pause       FaultKind = "pause"    // Who: its process stands still, then finds what has come meanwhile, and one tick
	Erase       FaultKind = "erase"    // Who: crashes, and starts at the end with empty disks; as soon as the system can do without it, or not at all
)

var kinds = []FaultKind{Partition, OneWay, Bridge, Isolate, Deaf, Mute, Lose, Duplicate, Slow, Cut, Repeat,
	LoseCalls, SlowCalls, Crash, CrashWrite, CrashClient, PauseClient, DiskFull, FlipBit, Skew, Stall, Pause, Erase,
	AddMember, RemoveMember, ReplaceMember, MoveLeader, Split, Drain, Twin}

// Targets that are looked for when a fault begins, among the machines of the fault's
// Role. Everybody is also what a network fault without a Who touches.
const (
	Everybody int = 0
	TheLeader int = -1 // a machine that leads, or any if none does
	AFollower int = -2 // a machine that does not lead, or any if all do
)

// A Fault is one thing that goes wrong, from some time until another. Times
// count from the beginning of the run.
type Fault struct {
	Kind        FaultKind
	From, Until time.Duration

	Who int // a machine, or one of the targets
	// Role says among which machines targets are looked for. "" is, for Everybody,
	// all machines, and else the stores.
	Role Role
	// Region is a region, by its number, of a fault that the system carries out.
	Region int
	Sides  [2][]uint64
	Share  float64
	Delay  time.Duration
	Count  int
	Point  Point
	// ID makes what the dice say about the fault its own. It is the fault's
	// place in the schedule as it was made, from 1.
	ID int
}

// String returns the fault as ParseSchedule reads it:
//
//	2.700s-3.600s partition {1,4}|{2,3,5}
//	3.000s-3.200s crash-write leader #3 after
func (f Fault) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s-%s %s", seconds(f.From), seconds(f.Until), f.Kind)
	if len(f.Sides[0])+len(f.Sides[1]) > 0 {
		fmt.Fprintf(&b, " {%s}|{%s}", listIDs(f.Sides[0]), listIDs(f.Sides[1]))
	}
	switch {
	case f.Who == TheLeader:
		b.WriteString(" leader")
	case f.Who == AFollower:
		b.WriteString(" follower")
	case f.Who > 0:
		fmt.Fprintf(&b, " %s:%d", cmp.Or(f.Role, Store), f.Who)
	}
	if f.Role != "" && f.Who <= 0 {
		fmt.Fprintf(&b, " role:%s", f.Role)
	}
	if f.Region != 0 {
		fmt.Fprintf(&b, " region:%d", f.Region)
	}
	if f.Share != 0 {
		fmt.Fprintf(&b, " %s%%", strconv.FormatFloat(100*f.Share, 'f', -1, 64))
	}
	if f.Delay != 0 {
		fmt.Fprintf(&b, " %s", f.Delay)
	}
	if f.Count != 0 {
		fmt.Fprintf(&b, " #%d %s", f.Count, f.Point)
	}
	if f.ID != 0 {
		fmt.Fprintf(&b, " (%d)", f.ID)
	}
	return b.String()
}

// ofClient reports whether the fault aims at a client.
func (f Fault) ofClient() bool { return f.Kind == CrashClient || f.Kind == PauseClient }

func listIDs(ids []uint64) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = strconv.FormatUint(id, 10)
	}
	return strings.Join(parts, ",")
}

// An activeFault is a fault that has begun, with the machines that it hit.
type activeFault struct {
	Fault
	hit []*machine
	// postponed counts how often the beginning was put off.
	postponed uint64
}

// hits reports whether the fault hit the machine of that id.
func (f *activeFault) hits(id uint64) bool {
	return slices.ContainsFunc(f.hit, func(m *machine) bool { return m.id == id })
}

// touches reports whether the fault concerns what goes from one to another.
func (f *activeFault) touches(from, to uint64) bool { return f.hits(from) || f.hits(to) }

// tell adds to the log of the run that f begins or ends.
func (fs *faults) tell(f *activeFault, kind trace.Kind) {
	e := trace.Event{Kind: kind, N: uint64(f.ID), Type: string(f.Kind), Text: f.Fault.String()}
	switch {
	case f.ofClient():
		e.Client = uint64(f.Who)
	case len(f.Sides[0]) > 0:
		e.Stores = f.Sides[0]
	case len(f.hit) < len(fs.w.machines):
		for _, m := range f.hit {
			e.Stores = append(e.Stores, m.id)
		}
	}
	fs.w.record.tell(e)
}

func (f *activeFault) side(id uint64) int {
	for i, side := range f.Sides {
		if slices.Contains(side, id) {
			return i
		}
	}
	return -1
}

// blocks reports whether the fault stops all packets between two machines.
func (f *activeFault) blocks(from, to uint64) bool {
	switch f.Kind {
	case Partition, OneWay, Bridge:
		a, b := f.side(from), f.side(to)
		if a < 0 || b < 0 || a == b {
			return false
		}
		if f.Kind == OneWay {
			return a == 0
		}
		return f.Kind == Partition || !f.touches(from, to)
	case Isolate:
		return f.touches(from, to)
	case Deaf:
		return f.hits(to)
	case Mute:
		return f.hits(from)
	}
	return false
}

// Faults are what goes wrong in a run. What they say of the moment is a function of the
// faults that have begun and not ended: nothing is left of one that has ended.
type faults struct {
	w      *World
	active []*activeFault // guarded by the world's lock
}

func (fs *faults) blocks(from, to uint64) bool {
	for _, f := range fs.active {
		if f.blocks(from, to) {
			return true
		}
	}
	return false
}

// share returns how much of what goes from one to another is hit by faults of
// the kind.
func (fs *faults) share(kind FaultKind, from, to uint64) float64 {
	spared := 1.0
	for _, f := range fs.active {
		if f.Kind == kind && f.touches(from, to) {
			spared *= 1 - f.Share
		}
	}
	return 1 - spared
}

// delay returns the longest delay of the faults of a kind that hit what goes from
// one to another.
func (fs *faults) delay(kind FaultKind, from, to uint64) time.Duration {
	longest := time.Duration(0)
	for _, f := range fs.active {
		if f.Kind == kind && f.touches(from, to) {
			longest = max(longest, f.Delay)
		}
	}
	return longest
}

func (fs *faults) loss(from, to uint64) float64       { return fs.share(Lose, from, to) }
func (fs *faults) duplicates(from, to uint64) float64 { return fs.share(Duplicate, from, to) }
func (fs *faults) cuts(from, to uint64) float64       { return fs.share(Cut, from, to) }

func (fs *faults) slows(from, to uint64) bool {
	return slices.ContainsFunc(fs.active, func(f *activeFault) bool { return f.Kind == Slow && f.touches(from, to) })
}

func (fs *faults) stalls(id uint64) bool {
	return slices.ContainsFunc(fs.active, func(f *activeFault) bool { return f.Kind == Stall && f.touches(id, id) })
}

// plan puts the faults of the schedule on the agenda.
func (fs *faults) plan() {
	w := fs.w
	for i := range w.schedule.Faults {
		f := &activeFault{Fault: w.schedule.Faults[i]}
		if f.From >= w.setting.Span {
			continue // it is one of the core phase
		}
		if (f.Kind == CrashWrite || f.ofClient()) && f.From == 0 {
			fs.begin(f) // the first write of all counts, and the first call
			continue
		}
		w.post(&event{at: f.From, name: name{kind: faultBegins, to: uint64(f.ID), n: uint64(i)}, do: func() { fs.begin(f) }})
	}
	w.post(&event{at: w.setting.Span, name: name{kind: healing}, do: w.phases.endDisturbance})
}

// aim finds the machines that a fault means.
func (fs *faults) aim(f *Fault) []*machine {
	w := fs.w
	if f.Who > 0 {
		return []*machine{w.machine(uint64(f.Who))}
	}
	role := f.Role
	if role == "" && f.Who != Everybody {
		role = Store
	}
	among := slices.DeleteFunc(slices.Clone(w.machines), func(m *machine) bool { return role != "" && m.role != role })
	if len(among) == 0 {
		panic(fmt.Sprintf("sim: %v: no machine has that role", f))
	}
	if f.Who == Everybody {
		return among
	}
	found := slices.DeleteFunc(slices.Clone(among), func(m *machine) bool { return m.leads != (f.Who == TheLeader) })
	if len(found) == 0 {
		found = among
	}
	i := w.dice.Roll(askTarget, 0, uint64(f.ID), 0) % uint64(len(found))
	return found[i : i+1]
}

// begin applies f to the machines that it hits.
func (fs *faults) begin(f *activeFault) {
	w := fs.w
	switch {
	case f.ofClient():
		w.clients.arm(f)
	case f.Kind == Erase || !slices.Contains(operated, f.Kind):
		f.hit = fs.aim(&f.Fault)
	}
	if f.Kind == Erase && !f.hit[0].mayErase() {
		fs.postpone(f)
		return
	}
	fs.tell(f, trace.FaultBegins)
	w.mu.Lock()
	fs.active = append(fs.active, f)
	w.mu.Unlock()
	for _, m := range f.hit {
		switch f.Kind {
		case Crash:
			m.down++
			m.crash(nil)
		case CrashWrite:
			m.ambush(f)
		case DiskFull:
			if m.full++; m.full == 1 {
				m.fill(true)
			}
		case FlipBit:
			if file := m.files.flip(w.dice.Roll(askFault, 1, uint64(f.ID), m.id)); file != "" {
				w.Reach(BitFlipped)
				w.record.tell(trace.Event{Kind: trace.Disk, Store: m.id, Text: "a bit of file " + file + " flips"})
			}
		case Skew:
			m.rate *= 1 - f.Share
		case Pause:
			m.pause()
		case Erase:
			f.Who = int(m.id) // the operator has to know
			m.down++
			m.erase()
		}
	}
	if slices.Contains(operated, f.Kind) {
		fs.operate(f, 1)
	}
	w.post(&event{at: max(f.Until, f.From, w.now()+1), name: name{kind: faultEnds, to: uint64(f.ID)}, do: func() { fs.end(f) }})
}

// postpone begins f a tick later, if it is not over by then.
func (fs *faults) postpone(f *activeFault) {
	w := fs.w
	at := w.now() + w.setting.Tick
	if at >= f.Until {
		return
	}
	f.postponed++
	w.post(&event{at: at, name: name{kind: faultBegins, to: uint64(f.ID), stream: f.postponed}, do: func() { fs.begin(f) }})
}

// end undoes f. A second call does nothing.
func (fs *faults) end(f *activeFault) {
	w := fs.w
	w.mu.Lock()
	i := slices.Index(fs.active, f)
	if i >= 0 {
		fs.active = slices.Delete(fs.active, i, i+1)
	}
	w.mu.Unlock()
	if i < 0 {
		return
	}
	fs.tell(f, trace.FaultEnds)
	if f.ofClient() {
		w.clients.disarm(f)
	}
	for _, m := range f.hit {
		switch f.Kind {
		case Crash, Erase:
			m.down--
			m.revive()
		case CrashWrite:
			w.mu.Lock()
			untouched := m.armed != nil && m.armed.fault == f
			if untouched {
				m.armed = nil
			}
			w.mu.Unlock()
			if !untouched && !f.Point.crashes() {
				// A program whose disk failed does not go on with it: an
				// operator restarts it.
				m.crash(nil)
			}
			m.revive()
		case DiskFull:
			if m.full--; m.full == 0 {
				m.fill(false)
			}
		case Skew:
			m.rate /= 1 - f.Share
		case Stall:
			if !fs.stalls(m.id) {
				m.catchUp()
			}
		case Pause:
			m.unpause(f.ID)
		}
	}
}

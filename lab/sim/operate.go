package sim

import (
	"slices"
	"time"

	"github.com/labkv/labkv/lab/dice"
)

// Some faults are nothing that the world does. An operator does them to the system: it
// changes what the system consists of, whatever else is going wrong. The world only says
// when. It knows of regions nothing but their number, from 1, in whatever order the system
// has them in; a number beyond the last counts on from the first.

// The kinds of faults that the system carries out, and which fields they use besides From
// and Until: until then the operator tries.
const (
	AddMember     FaultKind = "add-member"     // Region, Who: gets a replica, Everybody for any that has none
	RemoveMember  FaultKind = "remove-member"  // Region, Who: loses its replica, Everybody for any that has one
	ReplaceMember FaultKind = "replace-member" // Region, Who: loses its replica to one that has none
	MoveLeader    FaultKind = "move-leader"    // Region, Who: is to lead, Everybody for any member
	Split         FaultKind = "split"          // Region, Share of its keys that the left half keeps
	Drain         FaultKind = "drain"          // Who: loses all its replicas, and gets no new ones until the end
	Twin          FaultKind = "twin"           // a second scheduler stands in for the first, with what that knows now
)

var operated = []FaultKind{AddMember, RemoveMember, ReplaceMember, MoveLeader, Split, Drain, Twin, Erase}

// An Operator is a System that can be changed while it runs.
type Operator interface {
	// Operate works on a fault of one of the kinds above, or of the kind Erase, and
	// reports whether there is nothing left to do. It is called when the fault begins,
	// and a tick later again, with the number of the attempt, from 1. Whatever it does
	// to a process it does by Env.Command.
	Operate(f Fault, attempt uint64) (done bool)

	// MayErase reports whether a machine can lose its disks for good.
	MayErase(machine uint64) bool
}

// operate makes the system work on f, until it is done or f ends. What a machine that was
// erased leaves behind must be put right, however long it takes.
func (fs *faults) operate(f *activeFault, attempt uint64) {
	w := fs.w
	if !slices.Contains(fs.active, f) && f.Kind != Erase {
		return
	}
	o, ok := w.system.(Operator)
	if !ok {
		panic("sim: " + f.String() + ": the system has no operator")
	}
	if o.Operate(f.Fault, attempt) || w.phases.over {
		return
	}
	w.post(&event{
		at: w.now() + w.setting.Tick, name: name{kind: operates, to: uint64(f.ID), n: attempt},
		do: func() { fs.operate(f, attempt+1) },
	})
}

// Command makes the process do something that an operator wants, as an event of its own:
// soon, or once the process attends again. It never happens if the process crashes before.
func (e *Env) Command(do func()) {
	w, l := e.world, e.life
	if !l.alive() {
		return
	}
	w.mu.Lock()
	l.commands++
	n := l.commands
	w.mu.Unlock()
	w.post(&event{at: w.now(), name: name{kind: commands, to: e.ID, from: l.incarnation, n: n}, incarnation: l.incarnation, do: do})
}

// A Quorate is a System that knows which of its machines it can do without.
type Quorate interface {
	// Suffices reports whether it can serve its clients as long as only these machines,
	// which are stores, are well.
	Suffices(well []uint64) bool
}

// spare takes those faults of the core phase out, the last first, without which the
// system can do. Which stores it needs is not known before the run.
func (ps *phases) spare(broken []Fault) []Fault {
	q, ok := ps.w.system.(Quorate)
	for ok && len(broken) > 0 {
		well := slices.DeleteFunc(ps.w.setting.Machines(Store), func(id uint64) bool {
			return slices.ContainsFunc(broken, func(f Fault) bool { return f.Who == int(id) })
		})
		if q.Suffices(well) {
			break
		}
		broken = broken[:len(broken)-1]
	}
	return broken
}

// ChangeMembers adds replicas of regions to stores, removes some, and moves some to other
// stores, about every so often. Leaders are among those that are removed.
func ChangeMembers(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
		f := Fault{
			Kind:   dice.Pick(d, AddMember, AddMember, RemoveMember, ReplaceMember, ReplaceMember),
			Region: aRegion(d), From: from, Until: from + d.Duration(every, 4*every),
		}
		if f.Kind != AddMember {
			f.Who = dice.Pick(d, TheLeader, AFollower, d.Between(1, s.Stores))
		} else if d.Chance(0.5) {
			f.Who = d.Between(1, s.Stores)
		}
		return f
	})
}

// aRegion is the number of a region. Most runs have few.
func aRegion(d *dice.Drawer) int { return d.Between(1, 12) }

// MoveLeaders hands regions over to other leaders, about every so often.
func MoveLeaders(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
		return Fault{Kind: MoveLeader, Region: aRegion(d), Who: dice.Pick(d, Everybody, AFollower, d.Between(1, s.Stores)), From: from, Until: from + d.Duration(every/2, 2*every)}
	})
}

// Splits splits regions about every so often, mostly near the middle.
func Splits(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, _ Setting, from time.Duration) Fault {
		return Fault{Kind: Split, Region: aRegion(d), Share: dice.Pick(d, 0.1, 0.4, 0.5, 0.6, 0.9), From: from, Until: from + d.Duration(every, 4*every)}
	})
}

// Drains takes all replicas away from one store, once in a run.
func Drains() Nemesis {
	return func(d *dice.Drawer, s Setting) []Fault {
		from := d.Duration(0, s.Span/2)
		return []Fault{{Kind: Drain, Who: d.Between(1, s.Stores), From: from, Until: from + d.Duration(s.Span/3, s.Span)}}
	}
}

// Joins starts some of the stores late, one by one: while they are down, nobody has heard
// of them. It is for stores that are no home of any replica when the system begins.
func Joins(stores ...int) Nemesis {
	return func(d *dice.Drawer, s Setting) []Fault {
		var faults []Fault
		for _, id := range stores {
			faults = append(faults, Fault{Kind: Crash, Who: id, Until: d.Duration(s.Span/10, s.Span/2)})
		}
		return faults
	}
}

// Twins has a second scheduler, which knows what the first knew a while ago, stand in for
// the first, about every so often.
func Twins(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
		return Fault{Kind: Twin, From: from, Until: from + d.Duration(every/2, 2*every)}
	})
}

// Erases takes the disks of one store away, once in a run, if the others can do without
// it: the machine comes back empty, as another store.
func Erases() Nemesis {
	return func(d *dice.Drawer, s Setting) []Fault {
		from := d.Duration(s.Span/10, s.Span/2)
		return []Fault{{Kind: Erase, Who: someone(d, s), From: from, Until: from + d.Duration(time.Millisecond, s.Span/4)}}
	}
}

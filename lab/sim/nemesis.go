package sim

import (
	"slices"
	"time"

	"github.com/labkv/labkv/lab/dice"
)

// A Nemesis makes the faults of a run from the seed. The same drawer and setting
// make the same faults.
type Nemesis func(d *dice.Drawer, s Setting) []Fault

// Together is all of several nemeses at once.
func Together(all ...Nemesis) Nemesis {
	return func(d *dice.Drawer, s Setting) []Fault {
		var faults []Fault
		for i, n := range all {
			faults = append(faults, n(d.Branch(i), s)...)
		}
		return faults
	}
}

// Swarm is some of several nemeses, about half of them and at least one. The seed
// chooses: what one kind of fault needs to show a bug, another may keep from
// happening.
func Swarm(all ...Nemesis) Nemesis {
	return func(d *dice.Drawer, s Setting) []Fault {
		var faults []Fault
		sure := d.IntN(len(all))
		for i, n := range all {
			if d.Chance(0.5) || i == sure {
				faults = append(faults, n(d.Branch(i), s)...)
			}
		}
		return faults
	}
}

// recurring makes faults about every so often, each with make.
func recurring(every time.Duration, make func(d *dice.Drawer, s Setting, from time.Duration) Fault) Nemesis {
	return func(d *dice.Drawer, s Setting) []Fault {
		var faults []Fault
		for at := d.Duration(0, every); at < s.Span; at += d.Duration(every/2, every*3/2) {
			faults = append(faults, make(d, s, at))
		}
		return faults
	}
}

// throughout makes one fault that lasts from the beginning to the end.
func throughout(make func(d *dice.Drawer, s Setting) Fault) Nemesis {
	return func(d *dice.Drawer, s Setting) []Fault {
		f := make(d, s)
		f.From, f.Until = 0, s.Span
		return []Fault{f}
	}
}

// sides divides the stores at random, neither side empty, and puts each other machine on
// one of them.
func sides(d *dice.Drawer, s Setting) [2][]uint64 {
	var both [2][]uint64
	split := 1 + d.Bits()%(1<<s.Stores-2)
	for id := range uint64(s.Stores) {
		side := split >> id & 1
		both[side] = append(both[side], id+1)
	}
	for id := s.Stores + 1; id <= s.machines(); id++ {
		side := d.IntN(2)
		both[side] = append(both[side], uint64(id))
	}
	return both
}

// someone is the leader, another store, or one that is picked.
func someone(d *dice.Drawer, s Setting) int {
	return dice.Pick(d, TheLeader, AFollower, d.Between(1, s.Stores))
}

// On aims the faults of a nemesis at machines of a role. Faults without a target are aimed
// at all of them, and those that divide the network are left out.
func On(r Role, n Nemesis) Nemesis {
	return func(d *dice.Drawer, s Setting) []Fault {
		ids := s.Machines(r)
		if len(ids) == 0 {
			return nil
		}
		faults := slices.DeleteFunc(n(d, s), func(f Fault) bool { return len(f.Sides[0]) > 0 })
		for i := range faults {
			f := &faults[i]
			f.Role = r
			if f.Who > 0 {
				f.Who = int(ids[f.Who%len(ids)])
			}
		}
		return faults
	}
}

// CrashClients crashes a client about every so often, at one of its next calls.
func CrashClients(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
		return Fault{
			Kind: CrashClient, Role: ClientRole, Who: d.Between(1, s.Clients), Count: d.Between(1, 12),
			Point: dice.Pick(d, CrashBefore, CrashUnacknowledged), From: from, Until: from + 2*every,
		}
	})
}

// PauseClients makes a client stand still for LongPause about every so often, before one of
// its next calls.
func PauseClients(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
		return Fault{
			Kind: PauseClient, Role: ClientRole, Who: d.Between(1, s.Clients), Count: d.Between(1, 12),
			Delay: LongPause, From: from, Until: from + 2*every,
		}
	})
}

// RandomPartitions divides the network about every so often: in two halves, in
// one direction only, with one store between the halves, or with one store cut
// off.
func RandomPartitions(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
		f := Fault{
			Kind: dice.Pick(d, Partition, Partition, Isolate, OneWay, Bridge, Deaf, Mute),
			From: from, Until: from + d.Duration(every/4, every*2),
		}
		if d.Chance(0.25) {
			// So long that the others elect another leader meanwhile.
			f.Until += d.Duration(20*s.Tick, 60*s.Tick)
		}
		switch f.Kind {
		case Partition, OneWay, Bridge:
			if s.Stores < 2 {
				f.Kind = Isolate
				f.Who = 1
				break
			}
			f.Sides = sides(d, s)
			if f.Kind == Bridge {
				f.Who = d.Between(1, s.Stores)
			}
		default:
			f.Who = someone(d, s)
		}
		return f
	})
}

// IsolateLeaders cuts off the machine that leads, about every so often, mostly for so long
// that the others elect another leader.
func IsolateLeaders(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
		return Fault{Kind: Isolate, Who: TheLeader, From: from, Until: from + d.Duration(every/4, every) + d.Duration(10*s.Tick, 60*s.Tick)}
	})
}

// Unreliable loses, repeats and delays messages between stores, all the time.
func Unreliable() Nemesis {
	return Together(
		throughout(func(d *dice.Drawer, _ Setting) Fault { return Fault{Kind: Lose, Share: dice.Pick(d, 0.02, 0.1, 0.25)} }),
		throughout(func(d *dice.Drawer, _ Setting) Fault {
			return Fault{Kind: Duplicate, Share: dice.Pick(d, 0.02, 0.1, 0.25)}
		}),
		throughout(func(d *dice.Drawer, s Setting) Fault {
			return Fault{Kind: Slow, Share: dice.Pick(d, 0.02, 0.1), Delay: s.Tick * dice.Pick[time.Duration](d, 1, 10)}
		}),
	)
}

// SlowLinks delays everything to and from a store, about every so often.
func SlowLinks(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
		return Fault{Kind: Slow, Who: someone(d, s), Share: 1, Delay: s.Tick * dice.Pick[time.Duration](d, 1, 4, 20),
			From: from, Until: from + d.Duration(every/4, every) + d.Duration(10*s.Tick, 60*s.Tick)}
	})
}

// UnreliableClients loses and delays requests and replies of clients, all the
// time.
func UnreliableClients() Nemesis {
	return Together(
		throughout(func(d *dice.Drawer, _ Setting) Fault { return Fault{Kind: LoseCalls, Share: dice.Pick(d, 0.02, 0.1)} }),
		throughout(func(d *dice.Drawer, s Setting) Fault {
			return Fault{Kind: SlowCalls, Share: dice.Pick(d, 0.05, 0.2), Delay: s.Tick * dice.Pick[time.Duration](d, 1, 10)}
		}),
	)
}

// Crashes crashes one store about every so often, and now and then all of them.
func Crashes(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
		f := Fault{Kind: Crash, Who: someone(d, s), From: from, Until: from + d.Duration(time.Millisecond, every*3/2)}
		if d.Chance(0.15) {
			f.Who = Everybody
			f.Until = from + d.Duration(time.Millisecond, every/2)
		}
		return f
	})
}

// CrashesWhileWriting crashes a store in the middle of one of its next writes,
// about every so often.
func CrashesWhileWriting(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
		return Fault{
			Kind: CrashWrite, Who: someone(d, s), Count: d.Between(1, 12), Point: dice.Pick(d, CrashBefore, CrashUnacknowledged, CrashAfter),
			From: from, Until: from + d.Duration(every/4, every),
		}
	})
}

// DiskFailures has disks of a store fail or be full, about every so often.
func DiskFailures(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
		f := Fault{Kind: DiskFull, Who: someone(d, s), From: from, Until: from + d.Duration(every/4, every)}
		if d.Chance(0.5) {
			f.Kind, f.Count, f.Point = CrashWrite, d.Between(1, 12), dice.Pick(d, FailWrite, FailSync)
		}
		return f
	})
}

// CutTransfers cuts some of the transfers of large packets, all the time, and
// flips bits of files about every so often.
func CutTransfers(every time.Duration) Nemesis {
	return Together(
		throughout(func(d *dice.Drawer, _ Setting) Fault { return Fault{Kind: Cut, Share: dice.Pick(d, 0.05, 0.3)} }),
		recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
			return Fault{Kind: FlipBit, Who: someone(d, s), From: from, Until: from}
		}),
	)
}

// WrongClocks has clocks go slow, and stand still about every so often and then
// catch up at once.
func WrongClocks(every time.Duration) Nemesis {
	return Together(
		throughout(func(d *dice.Drawer, s Setting) Fault {
			return Fault{Kind: Skew, Who: d.Between(1, s.Stores), Share: dice.Pick(d, 0.05, 0.3)}
		}),
		recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
			return Fault{Kind: Stall, Who: someone(d, s), From: from, Until: from + d.Duration(every/8, every/2)}
		}),
	)
}

// Pauses makes one process stand still about every so often, mostly for so long that
// the others elect another leader. It does not notice: hardly a tick has passed.
func Pauses(every time.Duration) Nemesis {
	return recurring(every, func(d *dice.Drawer, s Setting, from time.Duration) Fault {
		return Fault{Kind: Pause, Who: someone(d, s), From: from, Until: from + d.Duration(s.Tick, every/2) + d.Duration(0, 60*s.Tick)}
	})
}

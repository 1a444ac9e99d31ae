package raftstore_test

import (
	"testing"
	"time"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/storesim"
)

// isolateStores cuts off one store after the other, for so long that the others
// have compacted the entries that it lacks.
func isolateStores(every time.Duration) sim.Nemesis {
	return everySoOften(every, func(d *dice.Drawer, s sim.Setting) (sim.Fault, time.Duration) {
		who := dice.Pick(d, sim.TheLeader, sim.AFollower, d.Between(1, s.Stores))
		return sim.Fault{Kind: sim.Isolate, Who: who}, d.Duration(every/2, every)
	})
}

// TestLaggingFollowerCatchesUp2C cuts a store off until the others have
// compacted the entries that it needs. It gets a snapshot, and then the entries
// after it.
func TestLaggingFollowerCatchesUp2C(t *testing.T) {
	sc := compacting(graded.Claim{
		Text:   "a follower that needs compacted entries catches up by a snapshot",
		Source: "Raft §7",
	}, 4)
	sc.Nemesis = isolateStores(1500 * ms)
	sc.Reach = []sim.Goal{storesim.LogCompacted, storesim.SnapshotInstalled, sim.LeaderDeposed}
	sim.Test(t, sc)
}

// TestEmptyFollowerCatchesUp2C keeps one store down from the first moment on,
// so that it has no data when it starts.
func TestEmptyFollowerCatchesUp2C(t *testing.T) {
	sc := compacting(graded.Claim{
		Text:   "a follower with an empty log catches up by a snapshot",
		Source: "Raft §7",
	}, 4)
	sc.Nemesis = func(d *dice.Drawer, s sim.Setting) []sim.Fault {
		return []sim.Fault{{Kind: sim.Crash, Who: d.Between(1, s.Stores), Until: d.Duration(time.Second, 2*time.Second)}}
	}
	sc.For = 2500 * ms
	sc.Reach = []sim.Goal{storesim.LogCompacted, storesim.SnapshotInstalled}
	sim.Test(t, sc)
}

// TestSnapshotsCut2C cuts most snapshots on their way, at any of their pieces,
// and loses some completely. The leader is told of it and tries again.
func TestSnapshotsCut2C(t *testing.T) {
	sc := compacting(graded.Claim{
		Text:   "a snapshot that does not arrive as a whole changes nothing, and is sent again",
		Source: "Raft §7; the contract of Transport",
	}, 4)
	sc.Nemesis = sim.Together(isolateStores(1500*ms), sim.Unreliable(), allTheTime(sim.Fault{Kind: sim.Cut, Share: 0.3}))
	sc.Reach = []sim.Goal{sim.TransferCut, storesim.SnapshotInstalled}
	sim.Test(t, sc)
}

// TestSnapshotsCorrupt2C flips bits of the snapshot files, where they were made
// and where they have arrived. A corrupt file must neither be installed nor be
// sent forever.
func TestSnapshotsCorrupt2C(t *testing.T) {
	sc := compacting(graded.Claim{
		Text:   "a store notices that a snapshot file has changed before it deletes anything for it, and the snapshot is made anew",
		Source: "doc.go: What is durable when, 4",
	}, 4)
	sc.Nemesis = sim.Together(
		isolateStores(1200*ms),
		everySoOften(10*ms, func(d *dice.Drawer, s sim.Setting) (sim.Fault, time.Duration) {
			return sim.Fault{Kind: sim.FlipBit, Who: d.Between(1, s.Stores)}, 0
		}))
	sc.Reach = []sim.Goal{sim.BitFlipped, storesim.SnapshotCorrupt, storesim.SnapshotInstalled}
	sim.Test(t, sc)
}

// TestSnapshotsLateAndRepeated2C delivers snapshots twice and late: to a store
// that is installing the same one, or a newer one, or has applied more since.
// Old data must not come back.
func TestSnapshotsLateAndRepeated2C(t *testing.T) {
	sc := compacting(graded.Claim{
		Text:   "a snapshot that is older than what a store has does nothing",
		Source: "Raft §7",
	}, 4)
	sc.System = storesim.New(storesim.Options{MaxLogEntries: keptEntries, SettledLog: settledLog, Background: true})
	sc.Nemesis = sim.Together(
		isolateStores(900*ms),
		allTheTime(sim.Fault{Kind: sim.Duplicate, Share: 0.2}),
		allTheTime(sim.Fault{Kind: sim.Repeat, Share: 0.9, Delay: 600 * ms}),
		allTheTime(sim.Fault{Kind: sim.Slow, Share: 0.1, Delay: 600 * ms}))
	sc.Reach = []sim.Goal{storesim.SnapshotInstalled, storesim.SnapshotUseless, storesim.SnapshotRepeated}
	sim.Test(t, sc)
}

// comesBack isolates one store after the other, for so long that the others
// have compacted the entries that it lacks. then returns another fault for the
// moment at which the store who comes back.
func comesBack(every time.Duration, then func(d *dice.Drawer, s sim.Setting, who int, at time.Duration) sim.Fault) sim.Nemesis {
	return func(d *dice.Drawer, s sim.Setting) []sim.Fault {
		var faults []sim.Fault
		for at := d.Duration(every/4, every/2); at < s.Span; {
			who, back := d.Between(1, s.Stores), at+d.Duration(every/2, every)
			faults = append(faults, sim.Fault{Kind: sim.Isolate, Who: who, From: at, Until: back}, then(d, s, who, back))
			at = back + d.Duration(every/4, every/2)
		}
		return faults
	}
}

// TestCrashesWhileInstalling2C crashes stores that come back and get a
// snapshot, each at one of its next writes to a disk or a file.
func TestCrashesWhileInstalling2C(t *testing.T) {
	sc := compacting(graded.Claim{
		Text:   "a store that crashes while it installs a snapshot has the old data or, after a restart, the new",
		Source: "doc.go: What is durable when, 4",
	}, 3)
	sc.System = storesim.New(storesim.Options{MaxLogEntries: keptEntries, SettledLog: settledLog, Background: true})
	sc.Seeds, sc.Tick, sc.For = 20, 10*ms, 2*time.Second
	sc.Nemesis = comesBack(500*ms, func(d *dice.Drawer, s sim.Setting, who int, at time.Duration) sim.Fault {
		return sim.Fault{
			Kind: sim.CrashWrite, Who: who, Count: d.Between(1, 30), Delay: 5 * s.Tick,
			Point: dice.Pick(d, sim.CrashBefore, sim.CrashUnacknowledged, sim.CrashAfter),
			From:  at, Until: at + 300*ms,
		}
	})
	sc.Reach = []sim.Goal{sim.CrashedWriting, storesim.SnapshotInstalled, storesim.CrashedInstalling}
	sim.Test(t, sc)
}

// TestDisksFailWithSnapshots2C makes disks fill up and fail while snapshots are
// made, received and installed.
func TestDisksFailWithSnapshots2C(t *testing.T) {
	sc := compacting(graded.Claim{
		Text:   "a snapshot that cannot be written is not installed, and a store that began to install one finishes that first",
		Source: "doc.go: What is durable when, 4",
	}, 4)
	sc.Tick = 20 * ms
	sc.Nemesis = sim.Together(
		comesBack(700*ms, func(d *dice.Drawer, s sim.Setting, who int, at time.Duration) sim.Fault {
			f := sim.Fault{Kind: sim.DiskFull, Who: dice.Pick(d, sim.TheLeader, who), From: at - d.Duration(ms, 40*ms), Until: at + d.Duration(100*ms, 400*ms)}
			if d.Chance(0.4) {
				f.Kind, f.Count, f.Point = sim.CrashWrite, d.Between(1, 25), dice.Pick(d, sim.FailWrite, sim.FailSync)
			}
			return f
		}),
		sim.DiskFailures(1500*ms))
	sc.Reach = []sim.Goal{storesim.DiskWasFull, sim.DiskFailed, storesim.SnapshotInstalled}
	sim.Test(t, sc)
}

// TestEverythingAtOnce2C combines snapshots with an unreliable network,
// partitions and crashes. The seed decides which of these come together.
func TestEverythingAtOnce2C(t *testing.T) {
	sc := compacting(graded.Claim{
		Text:   "whatever goes wrong while logs are compacted and snapshots sent, what clients see is linearizable, and the stores recover",
		Source: "Raft Figure 3, §7, §8",
	}, 5)
	sc.Seeds = 30
	sc.Tick, sc.For = 20*ms, 4*time.Second
	sc.Nemesis = sim.Together(isolateStores(1600*ms), sim.Swarm(
		sim.RandomPartitions(1200*ms),
		sim.Unreliable(),
		sim.UnreliableClients(),
		sim.Crashes(1200*ms),
		sim.CrashesWhileWriting(500*ms),
		sim.SlowLinks(1600*ms),
		sim.WrongClocks(1400*ms),
		allTheTime(sim.Fault{Kind: sim.Cut, Share: 0.1}),
	))
	sc.Reach = []sim.Goal{
		sim.MessageLost, sim.MessageRepeated, sim.LeaderCrashed, sim.CrashedWriting, sim.CrashLostWrites, sim.LeaderDeposed,
		sim.TransferCut, storesim.LogCompacted, storesim.SnapshotInstalled,
	}
	sim.Test(t, sc)
}

package raftstore_test

import (
	"testing"
	"time"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/sim/storesim"
)

// changing is a scenario of three regions with three replicas each on five
// stores, and clients of keys in all regions. A registry tells them where the
// regions are: it knows what the leaders report, and hands out ids. An operator
// changes the regions as nemesis says, half of the time by requests to the
// leader, and half of the time by orders in answers to its heartbeats.
func changing(claim graded.Claim, clients int, nemesis ...sim.Nemesis) sim.Scenario {
	sc := replicated(claim, clients)
	sc.System = storesim.New(storesim.Options{
		Registry: true, MaxLogEntries: keptEntries, Regions: storesim.Spread(3, "k04", "k08"),
	})
	sc.Beside = []sim.Fleet{{Role: sim.Scheduler, Machines: 1}}
	sc.Stores, sc.Tick, sc.For = 5, 20*ms, 1500*ms
	sc.Nemesis = sim.Together(nemesis...)
	return sc
}

// TestClientsFollowSplits3B splits regions, again and again, while clients write
// and scan. A scan may read one half before a split and the other one after it.
func TestClientsFollowSplits3B(t *testing.T) {
	sc := changing(graded.Claim{
		Text:   "a split loses no key and shows none twice, whenever a client comes by",
		Source: "the contract of split, in admin.go; kv/region (Check)",
	}, 5, sim.Splits(250*ms), sim.UnreliableClients())
	sc.System = storesim.New(storesim.Options{Registry: true, MaxLogEntries: keptEntries})
	sc.Stores = 3
	sc.Reach = []sim.Goal{storesim.RegionSplit, storesim.EpochRefused, kvload.ScannedOn, storesim.OrderSent, sim.UnknownOutcome}
	sim.Test(t, sc)
}

// TestMembersMove3B adds, removes and replaces members of regions, leaders among
// them, while messages are lost, late and repeated.
func TestMembersMove3B(t *testing.T) {
	sc := changing(graded.Claim{
		Text:   "a region keeps its data while its members come and go, and a peer that was removed leaves nothing behind",
		Source: "thesis §4.1, §4.2; lifecycle.go",
	}, 4, sim.ChangeMembers(200*ms), sim.Unreliable())
	sc.Reach = []sim.Goal{storesim.MemberAdded, storesim.MemberRemoved, storesim.PeerLeft, storesim.SnapshotInstalled, sim.MessageRepeated}
	sim.Test(t, sc)
}

// TestLeadersMove3B hands regions over, and cuts leaders off, while clients read
// at stores that may have led a moment ago.
func TestLeadersMove3B(t *testing.T) {
	sc := changing(graded.Claim{
		Text:   "a leader that hands a region over answers no read that its successor's writes have outdated",
		Source: "Raft §8, thesis §3.10, §6.4",
	}, 2, sim.MoveLeaders(100*ms), sim.IsolateLeaders(900*ms), sim.Splits(800*ms))
	sc.Clients = append(sc.Clients, sim.Clients(2, kvload.Contends)...)
	sc.Reach = []sim.Goal{sim.LeaderDeposed, storesim.DeposedWaiting, storesim.AskedOldLeader}
	sim.Test(t, sc)
}

// TestPartitionsDuringChanges3B divides the network while regions are split and
// change their members: a store may miss the split, the removal of its peer, or
// all that it would need to tell a message of the past from one of the future.
func TestPartitionsDuringChanges3B(t *testing.T) {
	sc := changing(graded.Claim{
		Text:   "whatever a store has missed, it learns which regions it has, and serves no other",
		Source: "the contracts of lobby.receive, meet and step",
	}, 4, sim.RandomPartitions(500*ms), sim.Splits(500*ms), sim.ChangeMembers(300*ms))
	sc.Reach = []sim.Goal{storesim.RegionSplit, storesim.MemberRemoved, storesim.PeerLeft, sim.LeaderDeposed}
	sim.Test(t, sc)
}

// TestSnapshotsOfHalves3B keeps stores away until the others have split their
// regions and compacted the logs. A store that comes back has the whole region,
// and gets snapshots of both halves, in any order, late and twice.
func TestSnapshotsOfHalves3B(t *testing.T) {
	sc := changing(graded.Claim{
		Text:   "a snapshot of a region is installed beside its neighbors, never over them",
		Source: "doc.go: What is durable when; the contract of install",
	}, 3, isolateStores(700*ms), sim.Splits(350*ms), sim.MoveLeaders(400*ms),
		allTheTime(sim.Fault{Kind: sim.Repeat, Share: 0.9, Delay: 400 * ms}),
		allTheTime(sim.Fault{Kind: sim.Cut, Share: 0.1}))
	sc.System = storesim.New(storesim.Options{
		Registry: true, MaxLogEntries: 5, Background: true, Regions: storesim.Spread(3, "k06"),
	})
	// A store that was away needs the leader's disk.
	sc.Stores, sc.NoCore = 4, true
	sc.Clients = append(sc.Clients, fills)
	sc.Reach = []sim.Goal{storesim.SnapshotInstalled, storesim.RegionSplit, storesim.SnapshotUseless, sim.TransferCut}
	sim.Test(t, sc)
}

// TestSchedulerIsUnreliable3B lets regions grow until their stores split them.
// What stores say to the scheduler, and what it says to them, is lost, late and
// repeated, and it crashes and then knows nothing. Orders come late, too: for a
// region that has changed since, or for a leader that no longer is one.
func TestSchedulerIsUnreliable3B(t *testing.T) {
	sc := changing(graded.Claim{
		Text:   "reports are repeated until they are needed no longer, and an order that comes late or twice does no harm",
		Source: "the contracts of heartbeat, obey and splitInto, in heartbeat.go",
	}, 3, sim.On(sim.Scheduler, sim.Together(sim.Crashes(900*ms), sim.Pauses(900*ms))),
		allTheTime(sim.Fault{Kind: sim.Lose, Role: sim.Scheduler, Share: 0.3}),
		allTheTime(sim.Fault{Kind: sim.Duplicate, Role: sim.Scheduler, Share: 0.3}),
		allTheTime(sim.Fault{Kind: sim.Slow, Role: sim.Scheduler, Share: 0.3, Delay: 300 * ms}),
		sim.ChangeMembers(250*ms), sim.MoveLeaders(250*ms))
	sc.System = storesim.New(storesim.Options{
		Registry: true, MaxLogEntries: keptEntries, SplitSize: 4000, Regions: storesim.Spread(3, "k06"),
	})
	sc.Clients = append(sc.Clients, fills)
	sc.Reach = []sim.Goal{storesim.OrderSent, storesim.RegionSplit, storesim.MemberAdded, storesim.MemberRemoved, sim.Restarted}
	sim.Test(t, sc)
}

// TestCrashesDuringChanges3B crashes stores, mostly in the middle of a write,
// while regions are split and change their members.
func TestCrashesDuringChanges3B(t *testing.T) {
	sc := changing(graded.Claim{
		Text:   "a change of a region is there as a whole after a crash, or not at all",
		Source: "doc.go: What is durable when; the contracts of split and changeMembers",
	}, 3, sim.CrashesWhileWriting(120*ms), sim.Crashes(900*ms), sim.Splits(300*ms), sim.ChangeMembers(250*ms))
	sc.Reach = []sim.Goal{sim.CrashedWriting, sim.CrashLostWrites, sim.LeaderCrashed, storesim.RegionSplit, storesim.MemberRemoved, storesim.PeerLeft}
	sim.Test(t, sc)
}

// removedWhileFull fills the disk of a store, about every so often, and splits a
// region, in which the store may have no room for its part, and then removes the
// store's peer of the left half: the right half stays.
func removedWhileFull(every time.Duration) sim.Nemesis {
	return func(d *dice.Drawer, s sim.Setting) []sim.Fault {
		var faults []sim.Fault
		for at := d.Duration(every/4, every/2); at < s.Span; at += d.Duration(every*3/4, every) {
			who, region := d.Between(1, s.Stores), d.Between(1, 6)
			faults = append(faults,
				sim.Fault{Kind: sim.DiskFull, Who: who, From: at, Until: at + every*2/3},
				sim.Fault{Kind: sim.Split, Region: region, Share: 0.5, From: at + every/20, Until: at + every/2},
				sim.Fault{Kind: sim.RemoveMember, Region: region, Who: who, From: at + every/4, Until: at + every})
		}
		return faults
	}
}

// TestDisksFailDuringChanges3B makes disks fill up and fail while regions are
// split and change their members. A store with a full disk tries again once there
// is room; meanwhile its peer may have been removed.
func TestDisksFailDuringChanges3B(t *testing.T) {
	sc := changing(graded.Claim{
		Text:   "a change that finds the disk full has no effect before it is written, and one effect after",
		Source: "the contracts of add and takeOver; engine.ErrDiskFull",
	}, 3, removedWhileFull(500*ms), sim.Swarm(sim.DiskFailures(400*ms), sim.Splits(400*ms), sim.ChangeMembers(400*ms)))
	sc.Reach = []sim.Goal{storesim.DiskWasFull, sim.DiskFailed, storesim.RegionSplit, storesim.MemberAdded}
	sim.Test(t, sc)
}

// TestStoresPauseDuringChanges3B makes stores stand still, and their clocks go
// wrong, for so long that the others have split their regions, moved them or
// removed their peers. What such a store goes on with belongs to the past.
func TestStoresPauseDuringChanges3B(t *testing.T) {
	sc := changing(graded.Claim{
		Text:   "a store that stood still serves no region that others have taken over meanwhile",
		Source: "Raft §8, thesis §6.4; the contract of lobby.receive",
	}, 3, sim.Pauses(450*ms), sim.WrongClocks(900*ms), sim.Splits(400*ms), sim.ChangeMembers(300*ms))
	sc.Clients = append(sc.Clients, sim.Clients(2, kvload.GetsAtOneStore)...)
	sc.Reach = []sim.Goal{sim.LeaderPaused, sim.LeaderDeposed, storesim.RegionSplit, storesim.MemberRemoved}
	sim.Test(t, sc)
}

// TestStoresComeAndGo3B takes the disks of a store away for good, so that its
// machine comes back as another store, and takes all peers away from another
// store. An operator puts others in their places.
func TestStoresComeAndGo3B(t *testing.T) {
	sc := changing(graded.Claim{
		Text:   "a region outlives the stores that it began on",
		Source: "thesis §4.2, §4.4; lifecycle.go",
	}, 3, sim.Erases(), sim.Drains(), func(d *dice.Drawer, s sim.Setting) []sim.Fault {
		return sim.Swarm(sim.Unreliable(), sim.Crashes(900*ms), sim.Splits(600*ms), sim.MoveLeaders(400*ms))(d, s)
	})
	sc.For = 2000 * ms
	sc.Reach = []sim.Goal{sim.Erased, storesim.MemberAdded, storesim.MemberRemoved, storesim.PeerLeft, storesim.SnapshotInstalled}
	sim.Test(t, sc)
}

// anythingHappens is some of what can happen to regions, and some of what can go
// wrong.
func anythingHappens() sim.Nemesis {
	return sim.Together(sim.Swarm(
		sim.Splits(400*ms), sim.ChangeMembers(300*ms), sim.MoveLeaders(300*ms), sim.Drains(), sim.Erases(),
	), sim.Swarm(
		sim.RandomPartitions(700*ms),
		sim.IsolateLeaders(1200*ms),
		sim.Unreliable(),
		sim.UnreliableClients(),
		sim.Crashes(800*ms),
		sim.CrashesWhileWriting(400*ms),
		sim.DiskFailures(700*ms),
		sim.SlowLinks(900*ms),
		sim.WrongClocks(900*ms),
		sim.Pauses(900*ms),
		sim.CutTransfers(400*ms),
		sim.On(sim.Scheduler, sim.Crashes(700*ms)),
	))
}

// TestEverythingAtOnce3B combines all that can happen to regions with all that
// can go wrong. The seed decides which of these come together.
func TestEverythingAtOnce3B(t *testing.T) {
	sc := changing(graded.Claim{
		Text:   "whatever goes wrong while regions are split and moved, what clients see is linearizable, and in the end each key is in one region, which has all its members and nothing else",
		Source: "Raft Figure 3, §8; the invariants of part B",
	}, 4, anythingHappens())
	sc.Seeds = 40
	sc.Reach = []sim.Goal{
		storesim.RegionSplit, storesim.MemberAdded, storesim.MemberRemoved, storesim.PeerLeft, storesim.SnapshotInstalled, storesim.OrderSent,
		sim.LeaderCrashed, sim.CrashedWriting, sim.LeaderDeposed, sim.UnknownOutcome,
	}
	sim.Test(t, sc)
}

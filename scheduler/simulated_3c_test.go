//go:debug randseednop=0

package scheduler_test

import (
	"testing"
	"time"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/sim/storesim"
	"github.com/labkv/labkv/proto/metapb"
)

const ms = time.Millisecond

// governed is a scenario of a scheduler with real stores, and clients that find
// their regions through it. The cluster begins with the given number of regions,
// all of them on the first stores. Once nothing goes wrong, each region gets its
// three replicas, and no peer and no leadership is left that should move, by the
// rules of balanceRegions and balanceLeaders.
func governed(claim graded.Claim, stores, regions int, nemesis ...sim.Nemesis) sim.Scenario {
	return sim.Scenario{
		Claim:   claim,
		Seeds:   20,
		System:  cluster3C(regions, false),
		Stores:  stores,
		Beside:  []sim.Fleet{{Role: sim.Scheduler, Machines: 1}},
		Tick:    20 * ms,
		Clients: sim.Clients(1, kvload.PutsAndScans),
		Finally: sim.Clients(1, kvload.ReadEverything),
		Nemesis: sim.Together(nemesis...),
		For:     1500 * ms,
		Check:   func(h *check.History) error { return check.Linearizable(h, 10*time.Second) },
	}
}

// cluster3C is the system of governed.
func cluster3C(regions int, disorder bool) func(*sim.World) sim.System {
	bounds := []string{"k03", "k06", "k09"}[:regions-1]
	return storesim.New(storesim.Options{
		Regions:       func(stores []uint64) []*metapb.Region { return storesim.Spread(3, bounds...)(stores[:3]) },
		MaxLogEntries: 20, Replicas: 3, Balanced: true, Disorder: disorder,
	})
}

// unreliableMail loses, delays and repeats what stores and the scheduler say to
// each other.
func unreliableMail() sim.Nemesis {
	return func(d *dice.Drawer, s sim.Setting) []sim.Fault {
		share := dice.Pick(d, 0.1, 0.3)
		var faults []sim.Fault
		for _, f := range []sim.Fault{{Kind: sim.Lose}, {Kind: sim.Duplicate}, {Kind: sim.Slow, Delay: 20 * s.Tick}} {
			f.Role, f.Share, f.Until = sim.Scheduler, share, s.Span
			faults = append(faults, f)
		}
		return faults
	}
}

// TestSkewedClusterIsBalanced3C begins with all regions on three of five stores.
func TestSkewedClusterIsBalanced3C(t *testing.T) {
	sc := governed(graded.Claim{
		Text:   "a skewed cluster becomes balanced, whatever mail is lost, late or repeated",
		Source: "the contracts of balanceRegions and balanceLeaders",
	}, 5, 4, unreliableMail())
	sc.Reach = []sim.Goal{storesim.OrderSent, storesim.MemberAdded, storesim.MemberRemoved, storesim.PeerLeft, sim.MessageLost, sim.MessageRepeated}
	sim.Test(t, sc)
}

// TestNewStoreGetsRegions3C starts a fourth store late: nobody has heard of it.
// Meanwhile regions are split.
func TestNewStoreGetsRegions3C(t *testing.T) {
	sc := governed(graded.Claim{
		Text:   "a store that joins gets its share of the regions",
		Source: "the contracts of balanceRegions and target",
	}, 4, 3, sim.Joins(4), sim.Splits(700*ms), unreliableMail())
	sc.Reach = []sim.Goal{storesim.OrderSent, storesim.MemberAdded, storesim.MemberRemoved, storesim.RegionSplit}
	sim.Test(t, sc)
}

// TestLostStoreIsReplaced3C takes the disks of a store away for good.
func TestLostStoreIsReplaced3C(t *testing.T) {
	sc := governed(graded.Claim{
		Text:   "the replicas of a store that is lost are replaced",
		Source: "the contract of checkReplicas",
	}, 5, 3, sim.Erases(), unreliableMail())
	sc.Reach = []sim.Goal{sim.Erased, storesim.OrderSent, storesim.MemberAdded, storesim.MemberRemoved, storesim.SnapshotInstalled}
	sim.Test(t, sc)
}

// TestDrainedStoreIsBuried3C takes a store out of service.
func TestDrainedStoreIsBuried3C(t *testing.T) {
	sc := governed(graded.Claim{
		Text:   "a store that is taken out of service becomes empty, and then a tombstone",
		Source: "the contracts of checkReplicas and bury",
	}, 5, 3, sim.Drains(), unreliableMail(), sim.On(sim.Scheduler, sim.Crashes(900*ms)))
	sc.Reach = []sim.Goal{storesim.OrderSent, storesim.StoreBuried, storesim.MemberAdded, storesim.MemberRemoved}
	sim.Test(t, sc)
}

// TestSchedulerCrashes3C crashes the scheduler, often in the middle of a write,
// and its clock jumps. Regions are split meanwhile: no id may come twice.
func TestSchedulerCrashes3C(t *testing.T) {
	sc := governed(graded.Claim{
		Text:   "a scheduler that crashes and comes back hands out no number twice, and finds out again what there is to do",
		Source: "doc.go: What is durable; the contracts of window and oracle",
	}, 4, 3, sim.On(sim.Scheduler, sim.Together(sim.CrashesWhileWriting(150*ms), sim.Crashes(500*ms), sim.Pauses(800*ms))),
		sim.Splits(250*ms), sim.ChangeMembers(500*ms))
	sc.Reach = []sim.Goal{sim.Restarted, sim.CrashedWriting, storesim.OrderSent, storesim.RegionSplit, storesim.MemberAdded}
	sim.Test(t, sc)
}

// TestSecondScheduler3C lets a second scheduler, on a copy of the first one's
// disk that is some time old, give orders in place of the first.
func TestSecondScheduler3C(t *testing.T) {
	sc := governed(graded.Claim{
		Text:   "the orders of a scheduler that knows less than another one do no harm",
		Source: "the contracts of explains and learn",
	}, 5, 3, sim.Twins(400*ms), sim.ChangeMembers(400*ms), sim.MoveLeaders(300*ms))
	sc.Beside = []sim.Fleet{{Role: sim.Scheduler, Machines: 2}}
	sc.Reach = []sim.Goal{storesim.OrderSent, storesim.OrderOfOld, storesim.MemberAdded, storesim.MemberRemoved}
	sim.Test(t, sc)
}

// anythingHappens is some of what changes a cluster, and some of what can go wrong
// in one.
func anythingHappens() sim.Nemesis {
	return sim.Together(sim.Swarm(
		sim.Splits(500*ms), sim.ChangeMembers(400*ms), sim.MoveLeaders(300*ms), sim.Drains(), sim.Erases(), sim.Joins(4),
	), sim.Swarm(
		unreliableMail(),
		sim.On(sim.Scheduler, sim.Together(sim.Crashes(900*ms), sim.CrashesWhileWriting(300*ms))),
		sim.On(sim.Scheduler, sim.DiskFailures(700*ms)),
		sim.RandomPartitions(700*ms),
		sim.Crashes(900*ms),
		sim.Unreliable(),
		sim.Pauses(900*ms),
	))
}

// TestEverythingAtOnce3C combines what changes a cluster with what can go wrong
// in one, for its stores, too. The seed decides which of these come together.
func TestEverythingAtOnce3C(t *testing.T) {
	sc := governed(graded.Claim{
		Text:   "whatever goes wrong, in the end each region has its replicas, the cluster is balanced, and nothing that was acknowledged is lost",
		Source: "the invariants of part C",
	}, 5, 3, anythingHappens())
	sc.Reach = []sim.Goal{storesim.OrderSent, storesim.MemberAdded, storesim.MemberRemoved, storesim.RegionSplit, sim.Restarted}
	sim.Test(t, sc)
}

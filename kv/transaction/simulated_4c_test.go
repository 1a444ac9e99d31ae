//go:debug randseednop=0

package transaction_test

import (
	"testing"
	"time"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/sim/storesim"
)

const (
	msec = time.Millisecond
	// tick is the time between two ticks of a store.
	tick = 20 * msec
)

// spread is the stores of a cluster with three regions, with three replicas each. A
// registry tells clients where they are, and hands out timestamps. disorder is as in
// storesim.Options.
func spread(disorder bool) func(*sim.World) sim.System {
	return storesim.New(storesim.Options{
		Registry: true, Transactions: true, MaxLogEntries: 30, Disorder: disorder,
		Regions: storesim.Spread(3, storesim.Encoded("k04", "k08")...),
	})
}

// banking is a scenario of clients that move amounts between accounts in all regions, and
// read all accounts at once.
func banking(claim graded.Claim, nemesis ...sim.Nemesis) sim.Scenario {
	return sim.Scenario{
		Claim:   claim,
		Seeds:   20,
		System:  spread(false),
		Stores:  3,
		Beside:  []sim.Fleet{{Role: sim.Scheduler, Machines: 1}},
		Tick:    tick,
		Clients: sim.Clients(4, kvload.Transfers),
		Finally: sim.Clients(1, kvload.ReadAllAtOnce),
		Nemesis: sim.Together(nemesis...),
		For:     1500 * msec,
		Check:   kvload.CheckBank,
	}
}

// TestManyClients4C has nothing go wrong but what clients do to each other.
func TestManyClients4C(t *testing.T) {
	sc := banking(graded.Claim{
		Text:   "transactions that overlap see one snapshot each, and no update is lost",
		Source: "Percolator §2.2",
	})
	sc.Clients, sc.Seeds, sc.For = sim.Clients(6, kvload.Transfers), 10, 1000*msec
	sc.Reach = []sim.Goal{storesim.SpansRegions, storesim.ReadMetLock, storesim.WriteMetLock, storesim.WriteConflict}
	sim.Test(t, sc)
}

// TestClientsCrash4C crashes clients in the middle of their transactions. Others meet the
// locks, and finish what was committed and roll back what was not. Some clients only seem
// to be dead: they stand still for longer than their locks live, and then go on.
func TestClientsCrash4C(t *testing.T) {
	sc := banking(graded.Claim{
		Text:   "a transaction whose client crashes is committed as a whole or not at all, and is in the way of others only for a while",
		Source: "Percolator §2.2: the primary lock is the synchronizing point",
	}, sim.CrashClients(200*msec), sim.PauseClients(250*msec))
	sc.Clients = append(sim.Clients(2, kvload.Transfers), sim.Clients(2, kvload.TransfersPatiently)...)
	sc.For = 4000 * msec
	sc.Reach = []sim.Goal{sim.ClientCrashed, sim.ClientPaused, storesim.ReadMetLock, storesim.RolledBack, storesim.FoundCommit, storesim.LockResolved}
	sim.Test(t, sc)
}

// TestEveryCallOfClient4C crashes a client at each of its calls, or makes it stand still
// there until others take it for dead.
func TestEveryCallOfClient4C(t *testing.T) {
	sc := banking(graded.Claim{
		Text:   "wherever a client stops between the first prewrite and the last commit, others decide what becomes of its transaction, and it cannot undo that",
		Source: "Percolator §2.2",
	})
	sc.Seeds, sc.For, sc.NoCore = 4, 450*msec, true
	sc.Clients = sim.Clients(2, kvload.TransfersPatiently)
	sc.Reach = []sim.Goal{sim.ClientCrashed, sim.ClientPaused, storesim.RolledBack, storesim.FoundCommit, storesim.LockResolved}
	sim.TestEveryCall(t, sc)
}

// TestAllKinds4C does gets, puts, deletes, locks and scans in any order, while requests
// and answers are lost and late.
func TestAllKinds4C(t *testing.T) {
	sc := banking(graded.Claim{
		Text:   "every command may come late and more than once",
		Source: "the comments on Prewrite, Commit, BatchRollback, CheckTxnStatus and ResolveLock",
	}, sim.UnreliableClients())
	sc.Clients = append(sim.Clients(3, kvload.Mixes), sim.Clients(2, kvload.WritesApart)...)
	sc.Check = kvload.CheckTransactions
	sc.Reach = []sim.Goal{sim.RequestLost, sim.ReplyLost, storesim.SpansRegions, storesim.ReadMetLock}
	sim.Test(t, sc)
}

// TestPartitions4C divides the network, deposes leaders and crashes stores. A commit may be
// on its way through the log when another store becomes the leader.
func TestPartitions4C(t *testing.T) {
	sc := banking(graded.Claim{
		Text:   "no command decides on a state that another one is about to change, whichever store leads",
		Source: "the contract of the handlers in kv/server",
	}, sim.RandomPartitions(500*msec), sim.IsolateLeaders(900*msec), sim.Crashes(900*msec))
	sc.Clients = append(sim.Clients(2, kvload.Counts), sim.Clients(2, kvload.WritesPairs(true))...)
	sc.Check = kvload.CheckTransactions
	sc.Reach = []sim.Goal{sim.LeaderDeposed, sim.LeaderCrashed, storesim.SpansRegions}
	sim.Test(t, sc)
}

// TestRegionsMove4C splits regions and moves their leaders and members while their keys
// are locked.
func TestRegionsMove4C(t *testing.T) {
	sc := banking(graded.Claim{
		Text:   "locks and versions go with their keys, whichever region these are in",
		Source: "the contracts of scan and ResolveLock",
	}, sim.Splits(300*msec), sim.MoveLeaders(300*msec), sim.ChangeMembers(400*msec))
	sc.Stores, sc.Seeds, sc.For = 4, 10, 1200*msec
	sc.Reach = []sim.Goal{storesim.RegionSplit, storesim.SpansRegions, storesim.ReadMetLock}
	sim.Test(t, sc)
}

// TestEverythingAtOnce4C combines some of all that can go wrong.
func TestEverythingAtOnce4C(t *testing.T) {
	sc := anythingHappens(graded.Claim{
		Text:   "whatever goes wrong, no snapshot shows a transaction in part, and what was acknowledged stays",
		Source: "Percolator §2.2",
	})
	sc.Reach = []sim.Goal{
		sim.ClientCrashed, sim.LeaderDeposed, storesim.RegionSplit,
		storesim.SpansRegions, storesim.RolledBack, storesim.LockResolved,
	}
	sim.Test(t, sc)
}

// anythingHappens is a scenario of all kinds of faults.
func anythingHappens(claim graded.Claim) sim.Scenario {
	sc := banking(claim, sim.CrashClients(400*msec), sim.PauseClients(400*msec), sim.Swarm(
		sim.Splits(400*msec), sim.ChangeMembers(400*msec), sim.MoveLeaders(300*msec),
		sim.RandomPartitions(700*msec), sim.Unreliable(), sim.UnreliableClients(), sim.Crashes(800*msec),
		sim.CrashesWhileWriting(400*msec), sim.DiskFailures(700*msec), sim.SlowLinks(900*msec), sim.Pauses(900*msec),
		sim.On(sim.Scheduler, sim.Crashes(700*msec)),
	))
	sc.Stores, sc.Seeds = 4, 20
	sc.For = 4000 * msec
	return sc
}

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

// TestUnreliableNetwork2B loses, repeats and delays messages between the
// stores, and the requests and answers of clients.
func TestUnreliableNetwork2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "no single message is needed, and no message does harm by coming late or twice",
		Source: "Raft §2, §5.5",
	}, 5)
	sc.Nemesis = sim.Together(sim.Unreliable(), sim.UnreliableClients())
	sc.Reach = []sim.Goal{sim.MessageLost, sim.MessageRepeated, sim.RequestLost, sim.ReplyLost, sim.UnknownOutcome}
	sim.Test(t, sc)
}

// TestLeaderIsolated2B cuts off the leader, again and again, while one client
// works. A write that the old leader has taken may be lost or may survive. The
// client continues with the new leader, and never sees its own writes undone.
func TestLeaderIsolated2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "a client does not notice a change of leader, except that it has to wait",
		Source: "Raft §5.2, §8",
	}, 1)
	sc.Nemesis = sim.IsolateLeaders(1500 * ms)
	sc.Reach = []sim.Goal{sim.LeaderDeposed, sim.UnknownOutcome}
	sim.Test(t, sc)
}

// TestOldLeaderNeverAnswers2B lets clients read from a leader that is cut off
// from the others, or whose messages take so long that they have elected
// another one. The old leader may still believe that it leads; but the data in
// its engine are old.
func TestOldLeaderNeverAnswers2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "a leader answers a read only after it has made sure that it still leads",
		Source: "Raft §8, thesis §6.4",
	}, 2)
	sc.Clients = append(sc.Clients, sim.Clients(5, kvload.GetsAtOneStore)...)
	sc.For = 3 * time.Second
	sc.Nemesis = sim.Together(sim.IsolateLeaders(1200*ms), sim.SlowLinks(1500*ms))
	sc.Reach = []sim.Goal{sim.LeaderDeposed, storesim.AskedOldLeader}
	sim.Test(t, sc)
}

// TestProposalsAreAnswered2B deposes leaders that have proposals in their logs.
// The next leader commits some of them and replaces others by its entries. Each
// proposer is told the outcome, exactly once: that the write was done, or that
// another entry took its place. Once the network works again no client waits
// for long.
func TestProposalsAreAnswered2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "every proposal is answered exactly once: done if it was applied, stale if its place in the log went to another entry",
		Source: "the contract of Write",
	}, 0)
	sc.Clients = sim.Clients(5, kvload.Contends)
	sc.For = 3 * time.Second
	sc.Nemesis = sim.Together(sim.IsolateLeaders(1000*ms), sim.RandomPartitions(1500*ms))
	sc.Reach = []sim.Goal{storesim.DeposedWaiting, storesim.ProposalReplaced}
	sim.Test(t, sc)
}

// TestRandomPartitionsOneClient2B divides the network at random: in halves, in
// one direction only, with one store between the halves, or with one store cut
// off.
func TestRandomPartitionsOneClient2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "a majority that is connected continues, a minority does no harm",
		Source: "Raft §2, §5.4",
	}, 1)
	sc.Nemesis = sim.RandomPartitions(700 * ms)
	sc.Reach = []sim.Goal{sim.LeaderDeposed}
	sim.Test(t, sc)
}

// TestRandomPartitionsManyClients2B is the same with many clients, some of them
// on the side of the minority.
func TestRandomPartitionsManyClients2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "clients on both sides of a partition see one history",
		Source: "Raft §2, §5.4, §8",
	}, 5)
	sc.Nemesis = sim.RandomPartitions(700 * ms)
	sc.Reach = []sim.Goal{sim.LeaderDeposed, sim.UnknownOutcome, storesim.DeposedWaiting}
	sim.Test(t, sc)
}

// TestClocksDisagree2B makes clocks go slow, stand still, and catch up at once.
// Now and then the leader is cut off while its clock stands still, for so long
// that the others elect another one. By its own clock, hardly any time has
// passed since it heard from them: it must not conclude from that that it still
// leads.
func TestClocksDisagree2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "safety does not depend on clocks",
		Source: "Raft §2, §5.6",
	}, 2)
	sc.Clients = append(sc.Clients, sim.Clients(4, kvload.GetsAtOneStore)...)
	sc.Nemesis = sim.Together(sim.WrongClocks(900*ms), func(d *dice.Drawer, s sim.Setting) []sim.Fault {
		var faults []sim.Fault
		for at := d.Duration(s.Span/8, s.Span/3); at < s.Span; at += d.Duration(s.Span/3, s.Span/2) {
			until := at + d.Duration(10*s.Tick, 40*s.Tick)
			faults = append(faults,
				sim.Fault{Kind: sim.Stall, Who: sim.TheLeader, From: at, Until: until},
				sim.Fault{Kind: sim.Isolate, Who: sim.TheLeader, From: at, Until: until})
		}
		return faults
	})
	sc.Reach = []sim.Goal{sim.LeaderDeposed, storesim.AskedOldLeader}
	sim.Test(t, sc)
}

// TestStoresPause2B makes stores stand still: no tick, no message, no write. A
// store that goes on does not notice that time has passed. What it was about to
// do may be outdated, above all the reads that it was about to answer, because
// the others may have elected another leader. All messages that came meanwhile
// are there at once, and the one that tells of the new leader may come after a
// client's request.
func TestStoresPause2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "a store that stood still for a while does no harm: what it was about to do takes effect only if it is still allowed",
		Source: "Raft §2, §8, thesis §6.4",
	}, 2)
	sc.Clients = append(sc.Clients, sim.Clients(6, kvload.GetsAtOneStore)...)
	sc.For = 3 * time.Second
	sc.Nemesis = sim.Together(sim.Pauses(1500*ms), everySoOften(700*ms, func(d *dice.Drawer, s sim.Setting) (sim.Fault, time.Duration) {
		return sim.Fault{Kind: sim.Pause, Who: sim.TheLeader}, d.Duration(20*s.Tick, 30*s.Tick)
	}))
	sc.Reach = []sim.Goal{sim.LeaderPaused, sim.LeaderDeposed, storesim.AskedOldLeader, sim.UnknownOutcome}
	sim.Test(t, sc)
}

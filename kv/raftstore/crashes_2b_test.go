package raftstore_test

import (
	"testing"
	"time"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/storesim"
)

// everySoOften makes faults with make, one about each period every, and sets
// when they begin and end.
func everySoOften(every time.Duration, make func(d *dice.Drawer, s sim.Setting) (f sim.Fault, lasts time.Duration)) sim.Nemesis {
	return func(d *dice.Drawer, s sim.Setting) []sim.Fault {
		var faults []sim.Fault
		for at := d.Duration(every/4, every); at < s.Span; at += d.Duration(every/2, every*3/2) {
			f, lasts := make(d, s)
			f.From, f.Until = at, at+lasts
			faults = append(faults, f)
		}
		return faults
	}
}

// allTheTime makes one fault that lasts for the whole run.
func allTheTime(f sim.Fault) sim.Nemesis {
	return func(_ *dice.Drawer, s sim.Setting) []sim.Fault {
		f.From, f.Until = 0, s.Span
		return []sim.Fault{f}
	}
}

// TestRestartAll2B cuts the power of all stores at the same moment, again and
// again. Each loses some of what it had not synced. What they had acknowledged
// is there afterwards, and they continue by themselves.
func TestRestartAll2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "what was acknowledged survives a crash of all stores",
		Source: "Raft Figure 2 (persistent state), thesis §3.8",
	}, 4)
	sc.For = 3 * time.Second
	sc.Nemesis = everySoOften(1300*ms, func(d *dice.Drawer, _ sim.Setting) (sim.Fault, time.Duration) {
		return sim.Fault{Kind: sim.Crash, Who: sim.Everybody}, d.Duration(ms, 300*ms)
	})
	sc.Reach = []sim.Goal{sim.LeaderCrashed, sim.Restarted, sim.UnknownOutcome}
	sim.Test(t, sc)
}

// TestRestartSome2B crashes one store after the other, now and then several of
// them at a time, and sometimes in the middle of a write.
func TestRestartSome2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "a store that comes back keeps its promises: its term, its vote, its log",
		Source: "Raft Figure 2 (persistent state), thesis §3.8",
	}, 4)
	sc.For = 3 * time.Second
	sc.Nemesis = sim.Together(sim.Crashes(800*ms), sim.CrashesWhileWriting(900*ms))
	sc.Reach = []sim.Goal{sim.LeaderCrashed, sim.CrashedWriting, sim.CrashLostWrites, sim.Restarted}
	sim.Test(t, sc)
}

// TestCrashAtEveryWrite2B runs a short scenario once for every write that a
// store does to its disks, from the first on, and crashes the store there:
// before the write, after it but before the store learns of it, and right after
// that. A crash must do no harm at any write.
func TestCrashAtEveryWrite2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "a crash at any write to the disk loses nothing that was acknowledged, and keeps no store from coming back",
		Source: "Raft Figure 2 (persistent state); doc.go: What is durable when",
	}, 2)
	sc.Seeds, sc.Stores, sc.Tick, sc.For = 8, 3, 10*ms, 200*ms
	sc.Reach = []sim.Goal{sim.CrashedWriting, sim.CrashLostWrites, sim.LeaderCrashed}
	sim.TestEveryWrite(t, sc)
}

// TestEverythingAtOnce2B combines an unreliable network, partitions, crashes,
// and clients that get no answers. The seed decides which of these come
// together.
func TestEverythingAtOnce2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "whatever goes wrong, what clients see is linearizable, and once nothing goes wrong, the stores recover",
		Source: "Raft Figure 3, §5.6, §8",
	}, 5)
	sc.Seeds = 30
	sc.Nemesis = sim.Swarm(
		sim.RandomPartitions(1200*ms),
		sim.IsolateLeaders(2000*ms),
		sim.Unreliable(),
		sim.UnreliableClients(),
		sim.Crashes(1500*ms),
		sim.CrashesWhileWriting(1200*ms),
		sim.SlowLinks(1600*ms),
		sim.WrongClocks(1400*ms),
		sim.Pauses(1500*ms),
	)
	sc.Reach = []sim.Goal{
		sim.MessageLost, sim.MessageRepeated, sim.LeaderCrashed, sim.CrashedWriting, sim.CrashLostWrites,
		sim.LeaderDeposed, sim.RequestLost, sim.ReplyLost, sim.UnknownOutcome, storesim.DeposedWaiting,
	}
	sim.Test(t, sc)
}

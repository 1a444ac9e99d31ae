package raftstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/sim/storesim"
)

// keptEntries is the number of applied entries that the stores of these tests
// keep in their logs.
const keptEntries = 10

// settledLog is the largest number of entries that a log may have once nothing
// goes wrong: the entries that are kept, and the entries that a leader keeps
// for followers that are a little behind.
const settledLog = 4 * keptEntries

// compacting is a scenario of stores that compact their logs soon, with so many
// data that a snapshot of them travels in several pieces.
func compacting(claim graded.Claim, clients int) sim.Scenario {
	sc := replicated(claim, clients)
	sc.System = storesim.New(storesim.Options{MaxLogEntries: keptEntries, SettledLog: settledLog})
	sc.Clients = append(sc.Clients, fills)
	sc.For = 3 * time.Second
	return sc
}

// What fills writes: so many keys in each of two families that one batch cannot
// remove them.
const (
	filling      = 40
	fillingBytes = 400
)

// fills is a client that makes snapshots large. It writes to keys, in families,
// that no other client uses, and repeats each write until it is acknowledged.
// Then it deletes some of the keys, and writes them again.
func fills(s *sim.Session) {
	c := kvload.Connect(s, s.Stores...)
	families := []engine.CF{engine.CFWrite, engine.CFLock}
	tries := 0
	change := func(n int, deletes bool) {
		for s.Working() {
			tries++
			ctx, cancel := context.WithTimeout(s.Context(), 500*ms)
			cf, key := families[n%len(families)], fmt.Appendf(nil, "filling %02d", n)
			var err error
			if deletes {
				err = c.Delete(ctx, cf, key)
			} else {
				err = c.Put(ctx, cf, key, fmt.Appendf(nil, "%0*d", fillingBytes, tries))
			}
			cancel()
			if err == nil {
				return
			}
			s.Sleep(20 * ms)
		}
	}
	for n := range filling {
		change(n, false)
	}
	for s.Working() {
		change(s.Draw.IntN(filling), s.Draw.Chance(0.5))
		s.Sleep(s.Draw.Duration(20*ms, 120*ms))
	}
}

// TestLogStaysShort2C writes all the time and checks the logs after every
// event: what was applied some ticks ago and is not among the last entries has
// left the log, and what had left the log some ticks ago has left the disk.
// Nothing keeps a store from it.
func TestLogStaysShort2C(t *testing.T) {
	sc := compacting(graded.Claim{
		Text:   "a log is compacted, in memory and on the disk, soon after its entries were applied",
		Source: "Raft §7; compactLog, in compact.go",
	}, 6)
	sc.System = storesim.New(storesim.Options{MaxLogEntries: keptEntries, ShortLogs: true})
	sc.For, sc.NoCore = 2*time.Second, true
	sc.Reach = []sim.Goal{storesim.LogCompacted}
	sim.Test(t, sc)
}

// TestDeadFollowerDoesNotKeepLog2C has one store down for most of the run. The
// others may keep their logs for it, but not forever.
func TestDeadFollowerDoesNotKeepLog2C(t *testing.T) {
	sc := compacting(graded.Claim{
		Text:   "a follower that is gone does not keep the others from compacting their logs",
		Source: "Raft §7; compactLog, in compact.go",
	}, 6)
	sc.System = storesim.New(storesim.Options{MaxLogEntries: keptEntries, ShortLogs: true})
	sc.For, sc.NoCore = 2*time.Second, true
	sc.Nemesis = func(d *dice.Drawer, s sim.Setting) []sim.Fault {
		return []sim.Fault{{Kind: sim.Crash, Who: d.Between(1, s.Stores), From: 500 * ms, Until: s.Span}}
	}
	sc.Reach = []sim.Goal{storesim.LogCompacted, storesim.SnapshotInstalled}
	sim.Test(t, sc)
}

// TestCollectedLogsSurvivePowerCuts2C crashes all stores at once, again and
// again, while they compact their logs. When an entry leaves a log, its effects
// must be durable in the data: nothing brings them back.
func TestCollectedLogsSurvivePowerCuts2C(t *testing.T) {
	sc := compacting(graded.Claim{
		Text:   "an entry leaves the log only after its effects are durable",
		Source: "doc.go: What is durable when, 3",
	}, 6)
	sc.Nemesis = sim.Together(
		everySoOften(700*ms, func(d *dice.Drawer, _ sim.Setting) (sim.Fault, time.Duration) {
			return sim.Fault{Kind: sim.Crash, Who: sim.Everybody}, d.Duration(ms, 100*ms)
		}),
		sim.CrashesWhileWriting(600*ms))
	sc.Tick, sc.For = 20*ms, 2*time.Second
	sc.Reach = []sim.Goal{storesim.LogCompacted, sim.CrashLostWrites, sim.Restarted}
	sim.Test(t, sc)
}

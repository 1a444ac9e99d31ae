package raftstore_test

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/storesim"
)

var (
	replaySeeds = flag.Int("seeds", 20, "`number` of schedules that run twice in TestRunsReplay and TestRunsOfRegionsReplay")
	replayFrom  = flag.Uint64("from", 1, "`seed` of the first of these schedules")
)

// The same seed gives the same run, with stores that compact their logs, send
// snapshots, crash and fail. In the second run the stores send the messages of
// one moment in any order, and the log of the run is kept. To run it with more
// seeds than usual:
//
//	go test ./kv/raftstore -run TestRunsReplay -seeds 500
func TestRunsReplay(t *testing.T) {
	scenario := func(disorder bool) *sim.Scenario {
		sc := compacting(graded.Claim{}, 4)
		sc.System = storesim.New(storesim.Options{MaxLogEntries: keptEntries, Disorder: disorder})
		sc.For = 3 * time.Second
		sc.Tick = 20 * ms
		sc.Nemesis = sim.Together(isolateStores(1200*ms), sim.Swarm(
			sim.Unreliable(), sim.UnreliableClients(), sim.Crashes(1200*ms), sim.CrashesWhileWriting(600*ms),
			sim.DiskFailures(900*ms), sim.WrongClocks(1400*ms), allTheTime(sim.Fault{Kind: sim.Cut, Share: 0.1}),
		))
		return &sc
	}
	replay(t, scenario)
}

// The same, with regions that split and move, stores that come and go, and a registry.
func TestRunsOfRegionsReplay(t *testing.T) {
	replay(t, func(disorder bool) *sim.Scenario {
		sc := changing(graded.Claim{}, 4, anythingHappens())
		sc.System = storesim.New(storesim.Options{
			Registry: true, MaxLogEntries: keptEntries, Regions: storesim.Spread(3, "k04", "k08"), Disorder: disorder,
		})
		return &sc
	})
}

// replay runs schedules of a scenario twice, and requires that nothing is wrong, and that
// the second run, with disorder, is the same as the first.
func replay(t *testing.T, scenario func(disorder bool) *sim.Scenario) {
	t.Helper()
	events, distinct := 0, map[uint64]bool{}
	for seed := *replayFrom; seed < *replayFrom+uint64(*replaySeeds); seed++ {
		s := sim.MakeSchedule(scenario(false), seed)
		first := sim.Run(t, scenario(false), s, false)
		require.Nil(t, first.Failure, "%v\n%v", first.Failure, s)
		second := sim.Run(t, scenario(true), s, true)
		require.Equal(t, first.Digest, second.Digest, "seed %d: two runs differ", seed)
		require.Equal(t, first.Events, second.Events, "seed %d: two runs differ", seed)
		require.Equal(t, first.Took, second.Took, "seed %d: two runs differ", seed)
		require.Equal(t, first.Reached, second.Reached, "seed %d: two runs differ", seed)
		events += first.Events
		distinct[first.Digest] = true
	}
	require.Len(t, distinct, *replaySeeds, "different seeds have different digests")
	t.Logf("%d seeds with %d events, each run twice: equal digests", *replaySeeds, events)
}

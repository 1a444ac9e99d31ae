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

var replaySeeds = flag.Int("seeds", 20, "`number` of schedules that TestRunsReplay runs twice")

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
	events, distinct := 0, map[uint64]bool{}
	for seed := uint64(1); seed <= uint64(*replaySeeds); seed++ {
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

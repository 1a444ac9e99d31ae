package raftstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
)

// The same seed gives the same run, with stores that collect their logs, send
// snapshots, crash and fail.
func TestRunsReplay(t *testing.T) {
	sc := collecting(graded.Claim{}, 4)
	sc.For = 3 * time.Second
	sc.Tick = 20 * ms
	sc.Nemesis = sim.Together(isolateStores(1200*ms), sim.Swarm(
		sim.Unreliable(), sim.UnreliableClients(), sim.Crashes(1200*ms), sim.CrashesWhileWriting(600*ms),
		sim.DiskFailures(900*ms), sim.WrongClocks(1400*ms), allTheTime(sim.Fault{Kind: sim.Cut, Share: 0.1}),
	))
	for seed := uint64(1); seed <= 50; seed++ {
		s := sim.MakeSchedule(&sc, seed)
		first := sim.Run(t, &sc, s, false)
		require.Nil(t, first.Failure, "%v\n%v", first.Failure, s)
		second := sim.Run(t, &sc, s, true)
		require.Equal(t, first.Digest, second.Digest, "seed %d", seed)
	}
}

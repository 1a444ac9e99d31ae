package storesim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/storesim"
)

// manyRegions is a scenario of four regions with three replicas each on five stores.
func manyRegions(nemesis ...sim.Nemesis) sim.Scenario {
	return sim.Scenario{
		System: storesim.New(storesim.Options{
			MaxLogEntries: 20,
			Regions:       storesim.Spread(3, "k03", "k06", "k09"),
		}),
		Stores:  5,
		Tick:    20 * time.Millisecond,
		Nemesis: sim.Together(nemesis...),
		For:     4 * time.Second,
	}
}

// play runs a scenario with some seeds, and requires that nothing is wrong and that each
// goal is reached. Each seed runs twice: a run with regions that come and go replays, too.
func play(t *testing.T, sc sim.Scenario, seeds uint64, goals ...sim.Goal) {
	t.Helper()
	reached := map[sim.Goal]bool{}
	for seed := uint64(1); seed <= seeds; seed++ {
		s := sim.MakeSchedule(&sc, seed)
		out := sim.Run(t, &sc, s, false)
		require.Nil(t, out.Failure, "%v\n%v", out.Failure, s)
		again := sim.Run(t, &sc, s, true)
		require.Equal(t, out.Digest, again.Digest, "seed %d: two runs differ", seed)
		for g := range out.Reached {
			reached[g] = true
		}
	}
	for _, g := range goals {
		require.True(t, reached[g], "in no run %s", g)
	}
}

// An operator changes the members and the leaders of regions while the network and the
// stores fail. In the end each member is there, and no peer that was removed.
func TestOperatorChangesRegions(t *testing.T) {
	const every = 700 * time.Millisecond
	trouble := sim.Swarm(sim.RandomPartitions(every), sim.Crashes(every), sim.Unreliable(), sim.Pauses(every), sim.CrashesWhileWriting(every))
	for name, c := range map[string]struct {
		nemesis sim.Nemesis
		goals   []sim.Goal
	}{
		"members": {sim.ChangeMembers(every / 2), []sim.Goal{storesim.MemberAdded, storesim.MemberRemoved, storesim.PeerLeft, storesim.SnapshotInstalled}},
		"leaders": {sim.MoveLeaders(every / 4), []sim.Goal{sim.LeaderDeposed}},
		"drain":   {sim.Drains(), []sim.Goal{storesim.MemberAdded, storesim.MemberRemoved, storesim.PeerLeft}},
		"erase":   {sim.Erases(), []sim.Goal{sim.Erased, storesim.MemberAdded, storesim.MemberRemoved}},
		"all": {sim.Together(sim.ChangeMembers(every), sim.MoveLeaders(every), sim.Drains(), sim.Erases(), trouble),
			[]sim.Goal{storesim.MemberAdded, storesim.MemberRemoved, storesim.PeerLeft, sim.Restarted}},
	} {
		t.Run(name, func(t *testing.T) { play(t, manyRegions(c.nemesis), 4, c.goals...) })
	}
}

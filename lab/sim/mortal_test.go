package sim_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
)

// Clients that crash and stand still cost operations, and nothing else: what the others,
// and they themselves in their next life, see is linearizable.
func TestClientsCrash(t *testing.T) {
	reached := map[sim.Goal]bool{}
	for seed := uint64(1); seed <= 10; seed++ {
		sc := scenario(none)
		sc.Nemesis = sim.Together(sim.CrashClients(300*time.Millisecond), sim.PauseClients(time.Second), sim.UnreliableClients())
		out := sim.Run(t, &sc, sim.MakeSchedule(&sc, seed), false)
		require.Nil(t, out.Failure, "seed %d: %v", seed, out.Failure)
		maps.Copy(reached, out.Reached)
		again := sim.Run(t, &sc, sim.MakeSchedule(&sc, seed), false)
		require.Equal(t, out.Digest, again.Digest, "seed %d", seed)
	}
	require.True(t, reached[sim.ClientCrashed])
	require.True(t, reached[sim.ClientPaused])
}

// A crash ends the context and the calls of a client, which is called again then. What it
// counts goes on.
func TestLives(t *testing.T) {
	sc := scenario(none)
	var begun, ended, counts []string
	sc.NoCore, sc.Nemesis, sc.Finally, sc.Check = true, nil, nil, nil
	sc.Clients = []sim.Client{func(s *sim.Session) {
		begun = append(begun, fmt.Sprint(s.Working()))
		counts = append(counts, fmt.Sprint(s.Count()))
		for s.Working() {
			kvload.GetsAtOneStore(s)
		}
		ended = append(ended, fmt.Sprint(s.Context().Err()))
	}}
	s := sim.MakeSchedule(&sc, 1)
	s.Faults = []sim.Fault{
		{Kind: sim.CrashClient, Role: sim.ClientRole, Who: 1, Count: 5, Until: s.Setting.Span, ID: 1},
		{Kind: sim.CrashClient, Role: sim.ClientRole, Who: 1, Count: 1, Point: sim.CrashUnacknowledged, From: s.Setting.Span / 2, Until: s.Setting.Span, ID: 2},
	}
	out := sim.Run(t, &sc, s, false)
	require.Nil(t, out.Failure)
	require.Equal(t, []string{"true", "true", "true"}, begun)
	require.Equal(t, []string{"context canceled", "context canceled", "<nil>"}, ended)
	require.Equal(t, []string{"1", "2", "3"}, counts)
	require.Greater(t, out.Calls[0], uint64(6))
}

// A client that stands still notices that its time is over.
func TestPausedClient(t *testing.T) {
	sc := scenario(none)
	sc.NoCore, sc.Nemesis, sc.Finally = true, nil, nil
	sc.Clients = sim.Clients(1, kvload.PutsAndScans)
	s := sim.MakeSchedule(&sc, 1)
	s.Faults = []sim.Fault{{Kind: sim.PauseClient, Role: sim.ClientRole, Who: 1, Count: 10, Delay: sim.LongPause, Until: s.Setting.Span, ID: 1}}
	out := sim.Run(t, &sc, s, false)
	require.Nil(t, out.Failure)
	require.True(t, out.Reached[sim.ClientPaused])
	longest := time.Duration(0)
	last := time.Duration(0)
	for _, o := range out.History.Operations() {
		longest = max(longest, o.Begin-last)
		last = o.End
	}
	require.Greater(t, longest, 3*time.Second)
}

// Each call of a client can be its last one, and each can be the one before which it
// stands still.
func TestEveryCall(t *testing.T) {
	sc := scenario(none)
	sc.Nemesis, sc.For, sc.Stores, sc.NoCore = nil, time.Second, 3, true
	sc.Clients = sim.Clients(2, kvload.PutsAndScans)
	s := sim.MakeSchedule(&sc, 1)
	clean := sim.Run(t, &sc, s, false)
	require.Nil(t, clean.Failure)
	schedules := sim.EveryCall(s, clean)
	require.Greater(t, len(schedules), 30)
	for _, s := range schedules {
		parsed, err := sim.ParseSchedule(s.String())
		require.NoError(t, err)
		require.Equal(t, s, parsed)
		out := sim.Run(t, &sc, s, false)
		require.Nil(t, out.Failure, s.String())
		require.True(t, out.Reached[sim.ClientCrashed] || out.Reached[sim.ClientPaused], s.String())
	}
}

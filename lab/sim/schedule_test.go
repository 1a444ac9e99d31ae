package sim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/sim"
)

// Whatever nemeses make can be printed and read back, and stays within the run.
func TestSchedulesAreData(t *testing.T) {
	const every = 300 * time.Millisecond
	kinds := map[sim.FaultKind]bool{}
	sc := scenario(none)
	sc.Nemesis = sim.Together(
		sim.RandomPartitions(every), sim.IsolateLeaders(every), sim.Unreliable(), sim.SlowLinks(every), sim.UnreliableClients(),
		sim.Crashes(every), sim.CrashesWhileWriting(every), sim.DiskFailures(every), sim.CutTransfers(every), sim.WrongClocks(every), sim.Pauses(every),
	)
	for seed := uint64(1); seed <= 30; seed++ {
		s := sim.MakeSchedule(&sc, seed)
		require.Equal(t, s, sim.MakeSchedule(&sc, seed))
		parsed, err := sim.ParseSchedule(s.String() + "\n\n; a remark\n")
		require.NoError(t, err)
		require.Equal(t, s, parsed)
		for _, f := range s.Faults {
			kinds[f.Kind] = true
			if f.From >= s.Setting.Span { // of the core phase
				require.Equal(t, s.Setting.Span, f.From)
				require.Positive(t, f.Who)
				continue
			}
			require.LessOrEqual(t, f.Until, s.Setting.Span)
			require.LessOrEqual(t, f.Who, s.Setting.Stores)
		}
	}
	require.Len(t, kinds, 19, "all there are")
}

// The seed decides what a run has, and a fault's details do not depend on other
// faults.
func TestSwarm(t *testing.T) {
	n := sim.Swarm(sim.Unreliable(), sim.Crashes(time.Second), sim.RandomPartitions(time.Second))
	sc := scenario(none)
	sc.Nemesis = n
	had := map[bool]int{}
	for seed := uint64(1); seed <= 40; seed++ {
		s := sim.MakeSchedule(&sc, seed)
		require.NotEmpty(t, s.Faults)
		crashes := false
		for _, f := range s.Faults {
			crashes = crashes || f.Kind == sim.Crash
		}
		had[crashes]++
	}
	require.Greater(t, had[true], 10)
	require.Greater(t, had[false], 5)
}

func TestUnreadableSchedules(t *testing.T) {
	const first = "seed=1 stores=3 tick=10ms latency=1ms..2ms slow-work=1ms span=1s\n"
	for text, want := range map[string]string{
		"":                            "its first line is the setting",
		"seed=x":                      "line 1",
		"planets=9":                   `unknown setting "planets"`,
		first + "1s":                  "line 2",
		first + "1s-2s dance":         `unknown fault "dance"`,
		first + "1s-2x isolate":       "line 2",
		first + "1s-2s partition {1":  "no list of stores",
		first + "1s-2s isolate whale": "whale",
	} {
		_, err := sim.ParseSchedule(text)
		require.ErrorContains(t, err, want, text)
	}
}

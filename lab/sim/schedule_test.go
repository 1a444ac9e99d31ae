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
		sim.ChangeMembers(every), sim.MoveLeaders(every), sim.Splits(every), sim.Drains(), sim.Joins(2, 3), sim.Erases(), sim.Twins(every),
		sim.CrashClients(every), sim.PauseClients(every),
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
			if f.Role == sim.ClientRole {
				require.LessOrEqual(t, f.Who, s.Setting.Clients)
			} else {
				require.LessOrEqual(t, f.Who, s.Setting.Stores)
			}
		}
	}
	require.Len(t, kinds, 29, "all there are")
}

// A nemesis can be aimed at machines of another role, which are on one side of the network
// when it is divided.
func TestFaultsOfARole(t *testing.T) {
	const every = 300 * time.Millisecond
	sc := scenario(none)
	sc.Beside = []sim.Fleet{{Role: "proxy", Machines: 1}, {Role: sim.Scheduler, Machines: 2}}
	sc.NoCore = true
	sc.Nemesis = sim.Together(sim.RandomPartitions(every), sim.On(sim.Scheduler, sim.Together(
		sim.RandomPartitions(every), sim.Crashes(every), sim.Unreliable(), sim.Pauses(every))))
	sides, aimed := 0, map[int]int{}
	for seed := uint64(1); seed <= 20; seed++ {
		s := sim.MakeSchedule(&sc, seed)
		parsed, err := sim.ParseSchedule(s.String())
		require.NoError(t, err)
		require.Equal(t, s, parsed)
		schedulers := s.Setting.Machines(sim.Scheduler)
		for _, f := range s.Faults {
			if n := len(f.Sides[0]) + len(f.Sides[1]); n > 0 {
				require.Equal(t, s.Setting.Stores+3, n)
				sides++
			}
			if f.Role != sim.Scheduler {
				continue
			}
			require.Empty(t, f.Sides[0])
			if f.Who > 0 {
				require.Contains(t, schedulers, uint64(f.Who))
			}
			aimed[min(f.Who, 1)]++
		}
	}
	require.NotZero(t, sides)
	require.Len(t, aimed, 4, "at all, at one that leads, at one that does not, and at one that is named")
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

package storesim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/sim/storesim"
	"github.com/labkv/labkv/lab/trace"
)

// The log of a run tells each write from any other: what a leader proposes was submitted
// to it by a client's call, once. What a snapshot brings to a store is told, too.
func TestWritesHaveNames(t *testing.T) {
	sc := sim.Scenario{
		System:  storesim.New(storesim.Options{MaxLogEntries: 20}),
		Stores:  3,
		Clients: sim.Clients(4, kvload.PutsAndScans),
		Finally: sim.Clients(1, kvload.ReadEverything),
		Nemesis: sim.Together(sim.RandomPartitions(time.Second), sim.Crashes(2*time.Second)),
		For:     4 * time.Second,
	}
	deletes, installs := 0, 0
	for seed := range uint64(3) {
		out := sim.Run(t, &sc, sim.MakeSchedule(&sc, seed+1), true)
		require.Nil(t, out.Failure)
		type write struct {
			check.Command
			text string
		}
		submitted, proposed := map[write]bool{}, map[write]bool{}
		for _, e := range out.Trace {
			w := write{check.Command{Client: e.Client, Store: e.Store, N: e.N}, e.Text}
			switch {
			case e.Kind == trace.Submit:
				require.NotZero(t, w.Client, "of which client is %v", &e)
				require.False(t, submitted[w], "twice: %v", &e)
				submitted[w] = true
			case e.Kind == trace.Propose && e.Text != "":
				require.True(t, submitted[w], "not submitted: %v", &e)
				require.False(t, proposed[w], "proposed twice: %v", &e)
				proposed[w] = true
				if e.Text[0] == 'd' {
					deletes++
				}
			case e.Kind == trace.Install:
				installs++
				require.Contains(t, e.Text, "not seen")
			}
		}
	}
	require.NotZero(t, deletes)
	require.NotZero(t, installs)
}

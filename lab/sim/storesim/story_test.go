package storesim_test

import (
	"strings"
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

// What the log of a run tells of a replica fits together: its Raft log consists of what
// was told to be appended and cut since its store started, and no vote leaves before it is
// durable. With its log kept, a run is the same.
func TestStatesFitTogether(t *testing.T) {
	kinds := map[string]int{}
	for _, sc := range []sim.Scenario{
		{
			System:  storesim.New(storesim.Options{MaxLogEntries: 20}),
			Stores:  5,
			Clients: sim.Clients(3, kvload.PutsAndScans),
			Nemesis: sim.Together(sim.RandomPartitions(600*time.Millisecond), sim.Crashes(2*time.Second), sim.CrashesWhileWriting(time.Second)),
			For:     4 * time.Second,
		},
		manyRegions(sim.Crashes(2*time.Second), sim.ChangeMembers(time.Second)),
	} {
		for seed := range uint64(3) {
			schedule := sim.MakeSchedule(&sc, seed+1)
			out := sim.Run(t, &sc, schedule, true)
			require.Nil(t, out.Failure)
			plain := sim.Run(t, &sc, schedule, false)
			require.Equal(t, plain.Digest, out.Digest)
			require.Empty(t, plain.Trace)
			checkStates(t, out.Trace, kinds)
		}
	}
	for _, kind := range []string{"state", "state removed", "log appends", "log cuts", "log compacts", "sync"} {
		require.NotZero(t, kinds[kind], "no log tells %q", kind)
	}
}

func checkStates(t *testing.T, events []trace.Event, kinds map[string]int) {
	type replica struct{ store, region uint64 }
	ends, synced := map[replica]uint64{}, map[replica]trace.Event{}
	for _, e := range events {
		at := replica{e.Store, e.Region}
		kinds[strings.TrimSpace(string(e.Kind)+" "+e.Fate)]++
		switch e.Kind {
		case trace.Start:
			for r := range ends {
				if r.store == e.Store {
					delete(ends, r)
				}
			}
		case trace.LogChange:
			last, known := ends[at]
			switch {
			case e.Fate == "cuts":
				require.Equal(t, last, e.Last, "%v", &e)
				ends[at] = e.First - 1
			case e.Fate == "appends":
				require.True(t, !known || e.First == last+1, "the log ends at %d: %v", last, &e)
				ends[at] = e.Last
			}
		case trace.Install:
			delete(ends, at)
		case trace.State:
			if e.Fate == "removed" {
				delete(ends, at)
				break
			}
			if last, known := ends[at]; known {
				require.Equal(t, last, e.Last, "%v", &e)
			}
			ends[at] = e.Last
		case trace.Sync:
			synced[at] = e
		case trace.Message:
			if e.Fate == "sent" && e.Type == "MsgRequestVoteResponse" && !strings.Contains(e.Text, "reject") {
				durable, ok := synced[replica{e.From, e.Region}]
				require.True(t, ok && durable.Term >= e.Term && durable.Vote != 0, "%v, and durable is %v", &e, &durable)
			}
		}
	}
}

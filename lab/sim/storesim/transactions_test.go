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

// transactional is a scenario of clients that run transactions in three regions.
func transactional(clients []sim.Client, nemesis ...sim.Nemesis) sim.Scenario {
	return sim.Scenario{
		System: storesim.New(storesim.Options{
			Registry: true, Transactions: true, MaxLogEntries: 20, Disorder: true,
			Regions: storesim.Spread(3, storesim.Encoded("k04", "k08")...),
		}),
		Stores:  3,
		Beside:  []sim.Fleet{{Role: sim.Scheduler, Machines: 1}},
		Tick:    20 * time.Millisecond,
		Clients: clients,
		Finally: sim.Clients(1, kvload.ReadAllAtOnce),
		Nemesis: sim.Together(nemesis...),
		For:     time.Second,
		Check:   kvload.CheckTransactions,
	}
}

// Runs with transactions replay, whatever happens to clients and stores.
func TestTransactionsReplay(t *testing.T) {
	clients := append(sim.Clients(2, kvload.Mixes), sim.Clients(2, kvload.WritesApart)...)
	sc := transactional(clients, sim.CrashClients(200*time.Millisecond), sim.PauseClients(300*time.Millisecond),
		sim.Splits(300*time.Millisecond), sim.Crashes(600*time.Millisecond), sim.On(sim.Scheduler, sim.Crashes(600*time.Millisecond)))
	play(t, sc, 5, sim.ClientCrashed, sim.ClientPaused, storesim.SpansRegions, storesim.RegionSplit)
}

// Transactions that each read what the other one writes are allowed, and happen: snapshot
// isolation is less than serializability. Locks prevent it.
func TestWriteSkewHappens(t *testing.T) {
	for _, guarded := range []bool{false, true} {
		sc := transactional(sim.Clients(4, kvload.WritesPairs(guarded)))
		skews := 0
		for seed := range uint64(5) {
			out := sim.Run(t, &sc, sim.MakeSchedule(&sc, seed+1), false)
			require.Nil(t, out.Failure)
			if check.WriteSkew(out.History) != nil {
				skews++
			}
		}
		require.Equal(t, !guarded, skews > 0, "%d runs with write skew", skews)
	}
}

// The log of a run has what stores did for each transaction that was committed, and names
// what is written by the keys of users.
func TestTransactionsHaveStories(t *testing.T) {
	sc := transactional(sim.Clients(2, kvload.Transfers))
	out := sim.Run(t, &sc, sim.MakeSchedule(&sc, 1), true)
	require.Nil(t, out.Failure)
	fates := map[uint64]map[string]bool{}
	var proposed []string
	for _, e := range out.Trace {
		switch e.Kind {
		case trace.Transaction, trace.Operation:
			if fates[e.Start] == nil {
				fates[e.Start] = map[string]bool{}
			}
			fates[e.Start][e.Fate] = true
		case trace.Propose:
			proposed = append(proposed, e.Text)
		}
	}
	committed := 0
	for _, tx := range out.History.Transactions() {
		if tx.Commit != 0 {
			committed++
			for _, fate := range []string{"begins", "commits", "done", "is prewritten", "is committed"} {
				require.True(t, fates[tx.Start][fate], "%v: %s", tx, fate)
			}
		}
	}
	require.NotZero(t, committed)
	for _, part := range []string{`, value "k`, `, unlock "k`, "\n" + `lock "k`, "\n" + `record "k`} {
		require.Contains(t, strings.Join(proposed, "\n"), part)
	}
}

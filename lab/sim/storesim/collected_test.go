package storesim_test

import (
	"testing"
	"time"

	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/sim/storesim"
)

// Old versions are removed beside clients, while stores crash, leaders change, regions split
// and clients die. No snapshot that can be read misses anything.
func TestCollected(t *testing.T) {
	const every = 500 * time.Millisecond
	trouble := []sim.Nemesis{
		sim.CrashClients(400 * time.Millisecond), sim.PauseClients(400 * time.Millisecond), sim.UnreliableClients(),
		sim.Swarm(
			sim.Splits(every), sim.ChangeMembers(every), sim.MoveLeaders(every/2), sim.RandomPartitions(every), sim.Unreliable(),
			sim.Crashes(every), sim.CrashesWhileWriting(every), sim.Pauses(every), sim.IsolateLeaders(every),
			sim.On(sim.Scheduler, sim.Crashes(every)),
		),
	}
	for name, c := range map[string]struct {
		clients []sim.Client
		nemesis []sim.Nemesis
		check   func(sc *sim.Scenario)
		goals   []sim.Goal
	}{
		"alone": {sim.Clients(3, kvload.Transfers), nil, nil,
			[]sim.Goal{storesim.VersionsRemoved, storesim.ReadTooOld, storesim.WriteTooOld}},
		"leaders": {sim.Clients(4, kvload.Transfers), []sim.Nemesis{sim.MoveLeaders(every / 5), sim.Splits(every)}, nil,
			[]sim.Goal{storesim.VersionsRemoved, storesim.ReadTooOld, storesim.RegionSplit, sim.LeaderDeposed}},
		"bank": {append(sim.Clients(2, kvload.Transfers), sim.Clients(1, kvload.TransfersPatiently)...), trouble, nil,
			[]sim.Goal{storesim.VersionsRemoved, storesim.ReadTooOld, storesim.OldLockFound, sim.LeaderDeposed}},
		"mixed": {append(sim.Clients(2, kvload.Mixes), sim.Clients(2, kvload.WritesApart)...), trouble,
			func(sc *sim.Scenario) { sc.Check = kvload.CheckTransactions },
			[]sim.Goal{storesim.VersionsRemoved, storesim.ReadTooOld, sim.LeaderDeposed}},
	} {
		t.Run(name, func(t *testing.T) {
			sc := transactional(append(c.clients, sim.Clients(2, kvload.Collects)...), c.nemesis...)
			sc.System = storesim.New(storesim.Options{
				Registry: true, Transactions: true, Collect: true, MaxLogEntries: 20, Disorder: true,
				Regions: storesim.Spread(3, storesim.Encoded("k04", "k08")...),
			})
			sc.Check, sc.For = kvload.CheckBank, 4*time.Second
			sc.Stores = 4
			if c.check != nil {
				c.check(&sc)
			}
			play(t, sc, 6, c.goals...)
		})
	}
}

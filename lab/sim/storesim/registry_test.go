package storesim_test

import (
	"testing"
	"time"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/sim/storesim"
)

// Without a scheduler a registry tells clients where their regions are, gives ids for
// splits, and hands out orders of the operator. What it knows is lost when it crashes, and
// comes back with the next heartbeats.
func TestRegistry(t *testing.T) {
	const every = 300 * time.Millisecond
	sc := manyRegions(sim.ChangeMembers(every), sim.MoveLeaders(every), sim.Splits(every), sim.Drains(), sim.Erases(),
		sim.On(sim.Scheduler, sim.Crashes(2*every)))
	sc.System = storesim.New(storesim.Options{Registry: true, MaxLogEntries: 20, SplitSize: 2000, Regions: storesim.Spread(3, "k06")})
	sc.Beside = []sim.Fleet{{Role: sim.Scheduler, Machines: 1}}
	sc.Clients = sim.Clients(4, kvload.PutsAndScans)
	sc.Finally = sim.Clients(1, kvload.ReadEverything)
	sc.For = 2 * time.Second
	sc.Check = func(h *check.History) error { return check.Linearizable(h, 10*time.Second) }
	play(t, sc, 4, storesim.OrderSent, storesim.RegionSplit, storesim.MemberAdded, storesim.MemberRemoved, storesim.EpochRefused,
		kvload.ScannedOn, sim.Erased, sim.Restarted)
}

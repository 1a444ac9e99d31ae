package storesim_test

import (
	"testing"
	"time"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/sim/storesim"
)

// scheduled is a scenario of many regions with a scheduler, another one that stands by,
// and clients of keys in all regions.
func scheduled(nemesis ...sim.Nemesis) sim.Scenario {
	sc := manyRegions(nemesis...)
	sc.System = storesim.New(storesim.Options{
		MaxLogEntries: 20,
		Regions:       storesim.Spread(3, "k03", "k06", "k09"),
		Replicas:      3,
	})
	sc.Beside = []sim.Fleet{{Role: sim.Scheduler, Machines: 2}}
	sc.Clients = sim.Clients(4, kvload.PutsAndScans)
	sc.Finally = sim.Clients(1, kvload.ReadEverything)
	sc.Check = func(h *check.History) error { return check.Linearizable(h, 10*time.Second) }
	return sc
}

// Clients of many regions are served while regions change and everything fails, the
// scheduler too. In the end each region has three replicas again.
func TestScheduler(t *testing.T) {
	const every = 700 * time.Millisecond
	for name, c := range map[string]struct {
		nemesis sim.Nemesis
		goals   []sim.Goal
	}{
		"nothing wrong": {sim.Together(), nil},
		"scheduler": {sim.On(sim.Scheduler, sim.Together(sim.Crashes(every), sim.Pauses(every), sim.CrashesWhileWriting(every), sim.Unreliable())),
			[]sim.Goal{sim.Restarted}},
		"members": {sim.ChangeMembers(every), []sim.Goal{storesim.OrderSent, storesim.MemberAdded, storesim.MemberRemoved, storesim.PeerLeft, storesim.SnapshotInstalled}},
		"splits":  {sim.Splits(every / 2), []sim.Goal{storesim.RegionSplit}},
		"drain":   {sim.Drains(), []sim.Goal{storesim.OrderSent, storesim.MemberAdded, storesim.MemberRemoved}},
		"erase":   {sim.Erases(), []sim.Goal{sim.Erased, storesim.OrderSent, storesim.MemberAdded, storesim.MemberRemoved}},
		"twins":   {sim.Together(sim.ChangeMembers(every), sim.Twins(every)), []sim.Goal{storesim.OrderOfOld}},
		"stores":  {sim.Together(sim.RandomPartitions(every), sim.Crashes(every), sim.Unreliable(), sim.Splits(every)), []sim.Goal{storesim.RegionSplit}},
	} {
		t.Run(name, func(t *testing.T) { play(t, scheduled(c.nemesis), 3, c.goals...) })
	}
}

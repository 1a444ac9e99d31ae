package storesim

import (
	"maps"
	"slices"
	"time"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/scheduler"
)

// A twin is a second scheduler that some stores take for the first, for a while.
type twin struct {
	until time.Duration
	fault int
}

// schedulerOf returns the machine that s takes for the scheduler, 0 if there is none.
func (y *System) schedulerOf(s *store) uint64 {
	all := s.env.Setting.Machines(sim.Scheduler)
	switch {
	case len(all) == 0:
		return 0
	case len(all) > 1 && s.env.Now() < y.twin.until && dice.Mix(uint64(y.twin.fault)<<32+s.id)%2 == 0:
		return all[1]
	}
	return all[0]
}

// substitute gives the scheduler that stands by what the first one has now. From then on
// some stores turn to it.
func (y *System) substitute(f sim.Fault) (done bool) {
	all := slices.Sorted(maps.Keys(y.managers))
	if len(all) < 2 {
		return true
	}
	first, second := y.managers[all[0]], y.managers[all[1]]
	if !first.env.Alive() || !second.env.Alive() || first.core == nil {
		return false
	}
	var state engine.Batch
	it, err := first.engine.Iterate(scheduler.Families[0], engine.Range{})
	if err != nil {
		return false
	}
	for it.Seek(nil); it.Valid(); it.Next() {
		state.Put(scheduler.Families[0], slices.Clone(it.Key()), slices.Clone(it.Value()))
	}
	if it.Close() != nil {
		return false
	}
	second.env.Command(func() {
		if second.failed(second.engine.DeleteRange(scheduler.Families[0], engine.Range{})) ||
			second.failed(second.engine.Write(&state, true)) || second.failed(second.open()) {
			return
		}
		y.twin = twin{until: f.Until, fault: f.ID}
	})
	return true
}

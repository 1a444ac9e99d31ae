//go:build mutant

// Operators whose time is over end in the order in which a map is walked: the history
// of the same events differs from run to run.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"slices"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (s *Scheduler) expire() {
	for _, o := range s.operators.running {
		switch {
		case s.uptime > o.deadline:
			s.end(o, schedulerpb.OperatorStatus_TIMEOUT, "it took too long")
		case slices.ContainsFunc(o.incoming(), func(id uint64) bool {
			return s.disconnected(s.stores[id]) || s.stores[id].meta.State != metapb.StoreState_Up
		}):
			s.end(o, schedulerpb.OperatorStatus_CANCEL, "a store that takes part is no longer in service")
		}
	}
}

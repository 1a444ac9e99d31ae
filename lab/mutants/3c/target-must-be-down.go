//go:build mutant

// An operator is cancelled only when its target is down, half an hour later.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"slices"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (s *Scheduler) expire() {
	out := func(id uint64) bool {
		info := s.stores[id]
		return s.down(info) || info.meta.State != metapb.StoreState_Up
	}
	for _, o := range s.operators.sorted() {
		switch {
		case s.uptime > o.deadline:
			s.end(o, schedulerpb.OperatorStatus_TIMEOUT, "it took too long")
		case slices.ContainsFunc(o.incoming(), out):
			s.end(o, schedulerpb.OperatorStatus_CANCEL, "a store that takes part is no longer in service")
		}
	}
}

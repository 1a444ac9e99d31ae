//go:build mutant

// An operator brings a peer to a store that was taken offline meanwhile.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"slices"

	"github.com/labkv/labkv/proto/schedulerpb"
)

func (s *Scheduler) expire() {
	out := func(id uint64) bool {
		info := s.stores[id]
		return s.disconnected(info)
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

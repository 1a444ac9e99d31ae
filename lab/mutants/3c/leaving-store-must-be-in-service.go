//go:build mutant

// An operator is cancelled when any store that takes part is out of service, also the
// one that loses its peer. To move a peer away from an offline store is never finished.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (s *Scheduler) expire() {
	s.expire_original()
	for _, o := range s.operators.sorted() {
		for _, step := range o.steps[o.at:] {
			if step, ok := step.(*removePeer); ok {
				info := s.stores[step.peer.StoreId]
				if s.disconnected(info) || info.meta.State != metapb.StoreState_Up {
					s.end(o, schedulerpb.OperatorStatus_CANCEL, "a store that takes part is no longer in service")
					break
				}
			}
		}
	}
}

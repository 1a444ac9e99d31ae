//go:build variant

// A move is cancelled also when the store of the peer that it has added falls out of
// service before the old peer has left. The guide has an operator cancelled when a
// store that takes part is out; the region keeps the old peer until the checker has
// looked at it.
//
//lab:variant scheduler 3C
package scheduler

import (
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (s *Scheduler) expire() {
	s.expire_original()
	for _, o := range s.operators.sorted() {
		for _, step := range o.steps[:o.at] {
			if added, ok := step.(*addPeer); ok {
				if info := s.stores[added.peer.StoreId]; s.disconnected(info) || info.meta.State != metapb.StoreState_Up {
					s.end(o, schedulerpb.OperatorStatus_CANCEL, "the store of the new peer is no longer in service")
					break
				}
			}
		}
	}
}

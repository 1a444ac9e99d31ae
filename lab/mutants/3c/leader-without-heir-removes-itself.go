//go:build mutant

// Where the peer to be removed leads and no member can take over, the order is to
// remove it all the same. The region would have no leader, and its members might be too
// far behind.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (s *removePeer) order(c *cluster, r *regionInfo) *schedulerpb.RegionHeartbeatResponse {
	if order := s.order_original(c, r); order != nil {
		return order
	}
	return changePeer(eraftpb.ConfChangeType_RemoveNode, s.peer)
}

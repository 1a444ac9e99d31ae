//go:build mutant

// A leader gets the order to remove itself.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (s *removePeer) order(c *cluster, r *regionInfo) *schedulerpb.RegionHeartbeatResponse {
	return changePeer(eraftpb.ConfChangeType_RemoveNode, s.peer)
}

//go:build mutant

// The order to add a peer is repeated while the peer catches up.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (s *addPeer) order(_ *cluster, r *regionInfo) *schedulerpb.RegionHeartbeatResponse {
	return changePeer(eraftpb.ConfChangeType_AddNode, s.peer)
}

//go:build mutant

// An order is given once. If it is lost, the operator waits for its time-out.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (s *addPeer) order(_ *cluster, r *regionInfo) *schedulerpb.RegionHeartbeatResponse {
	if region.Peer(r.meta, s.peer.Id) != nil {
		return nil // it is catching up
	}
	if ordered[s] {
		return nil
	}
	ordered[s] = true
	return changePeer(eraftpb.ConfChangeType_AddNode, s.peer)
}

var ordered = map[*addPeer]bool{}

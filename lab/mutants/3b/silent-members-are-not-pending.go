//go:build mutant

// A member that has never acknowledged anything is not reported as pending, in order that a
// leader that was just elected does not name all others. So a new member is not named either,
// which has nothing at first.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (p *peer) heartbeat() {
	r := p.region()
	request := &schedulerpb.RegionHeartbeatRequest{
		Region:          r,
		Leader:          region.Peer(r, p.id),
		Term:            p.node.BasicStatus().Term,
		ApproximateSize: p.size.estimate(),
	}
	progress := p.node.Status().Progress
	for _, peer := range r.Peers {
		if match := progress[peer.Id].Match; match > 0 && match < p.storage.state.TruncatedIndex {
			request.PendingPeers = append(request.PendingPeers, peer)
		}
	}
	p.store.cfg.Scheduler.RegionHeartbeat(request)
}

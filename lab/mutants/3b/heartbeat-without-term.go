//go:build mutant

// A leader's report does not say in which term it leads. The scheduler cannot tell a
// leader from one that was deposed and does not know it.
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
		ApproximateSize: p.size.estimate(),
	}
	progress := p.node.Status().Progress
	for _, peer := range r.Peers {
		if member, ok := progress[peer.Id]; ok && peer.Id != p.id && member.Match < p.storage.state.TruncatedIndex {
			request.PendingPeers = append(request.PendingPeers, peer)
		}
	}
	p.store.cfg.Scheduler.RegionHeartbeat(request)
}

//go:build mutant

// A heartbeat that does not say how large the region is.
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
		Region: r,
		Leader: region.Peer(r, p.id),
	}
	progress := p.node.Status().Progress
	for _, peer := range r.Peers {
		if member, known := progress[peer.Id]; known && peer.Id != p.id && member.Match < p.storage.state.TruncatedIndex {
			request.PendingPeers = append(request.PendingPeers, peer)
		}
	}
	p.store.cfg.Scheduler.RegionHeartbeat(request)
}

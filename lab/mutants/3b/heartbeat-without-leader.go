//go:build mutant

// A heartbeat that does not say who leads.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/schedulerpb"

func (p *peer) heartbeat() {
	r := p.region()
	request := &schedulerpb.RegionHeartbeatRequest{
		Region:          r,
		Leader:          nil,
		ApproximateSize: p.size.estimate(),
	}
	progress := p.node.Status().Progress
	for _, peer := range r.Peers {
		if member, known := progress[peer.Id]; known && peer.Id != p.id && member.Match < p.storage.state.TruncatedIndex {
			request.PendingPeers = append(request.PendingPeers, peer)
		}
	}
	p.store.cfg.Scheduler.RegionHeartbeat(request)
}

//go:build mutant

// A peer without data that is on its own asks nobody whom it has heard of.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) askToLeave() {
	if p.store.cfg.Scheduler != nil {
		p.store.cfg.Scheduler.FindRegion(p.region().Id)
	}
	members := p.region().Peers
	switch {
	case p.isMember():
		return // it campaigns, or leads: the members hear from it anyway
	}
	for _, member := range members {
		p.store.cfg.Transport.Send(&raftserverpb.RaftMessage{
			RegionId:    p.region().Id,
			RegionEpoch: p.epoch(),
			FromPeer:    &metapb.Peer{Id: p.id, StoreId: p.store.cfg.StoreID},
			ToPeer:      member,
			AsksToLeave: true,
		})
	}
}

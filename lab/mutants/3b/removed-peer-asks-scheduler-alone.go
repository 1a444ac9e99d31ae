//go:build mutant

// A peer that has applied its removal does not ask the members whether it may go.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"maps"
	"slices"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) askToLeave() {
	if p.store.cfg.Scheduler != nil {
		p.store.cfg.Scheduler.FindRegion(p.region().Id)
	}
	members := p.region().Peers
	switch {
	case !p.isInitialized():
		members = nil // those that it knows of
		for _, id := range slices.Sorted(maps.Keys(p.senders)) {
			members = append(members, p.senders[id])
		}
	case p.isMember():
		return // it campaigns, or leads: the members hear from it anyway
	}
	for _, member := range members {
		_ = (&raftserverpb.RaftMessage{
			RegionId:    p.region().Id,
			RegionEpoch: p.epoch(),
			FromPeer:    &metapb.Peer{Id: p.id, StoreId: p.store.cfg.StoreID},
			ToPeer:      member,
			AsksToLeave: true,
		})
	}
}

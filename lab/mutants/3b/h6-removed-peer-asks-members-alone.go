//go:build mutant

// A peer that is on its own does not ask the scheduler: those it knows may have left, too.
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
		p.store.cfg.Transport.Send(&raftserverpb.RaftMessage{
			RegionId:    p.region().Id,
			RegionEpoch: p.epoch(),
			FromPeer:    &metapb.Peer{Id: p.id, StoreId: p.store.cfg.StoreID},
			ToPeer:      member,
			AsksToLeave: true,
		})
	}
}

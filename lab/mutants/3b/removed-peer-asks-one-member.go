//go:build mutant

// A peer that has applied its removal asks one member whether it may go, always the
// same one. If that store is gone for good, it stays forever.
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
		members = nil
		for _, id := range slices.Sorted(maps.Keys(p.senders)) {
			members = append(members, p.senders[id])
		}
	case p.isMember():
		return
	}
	if len(members) == 0 {
		return
	}
	p.store.cfg.Transport.Send(&raftserverpb.RaftMessage{
		RegionId:    p.region().Id,
		RegionEpoch: p.epoch(),
		FromPeer:    &metapb.Peer{Id: p.id, StoreId: p.store.cfg.StoreID},
		ToPeer:      members[0],
		AsksToLeave: true,
	})
}

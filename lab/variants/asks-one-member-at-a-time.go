//go:build variant

// A peer that has applied its removal asks one member whether it may go, and the next
// time another one. Sooner or later it asks one that runs: the contract of askToLeave
// has it ask again until it is answered.
//
//lab:variant kv/raftstore 3B
package raftstore

import (
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) askToLeave() {
	if !p.isInitialized() || p.isMember() {
		p.askToLeave_original()
		return
	}
	cfg := &p.store.cfg
	if cfg.Scheduler != nil {
		cfg.Scheduler.FindRegion(p.region().Id)
	}
	members := p.region().Peers
	cfg.Transport.Send(&raftserverpb.RaftMessage{
		RegionId:    p.region().Id,
		RegionEpoch: p.epoch(),
		FromPeer:    &metapb.Peer{Id: p.id, StoreId: cfg.StoreID},
		ToPeer:      members[p.clock/(suspectAfter*cfg.ElectionTicks)%len(members)],
		AsksToLeave: true,
	})
}

//go:build mutant

// A farewell that does not say at which epoch.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) farewell(removed ...*metapb.Peer) {
	for _, to := range removed {
		if to.GetStoreId() != 0 && len(p.leaving) < maxLeaving {
			p.leaving = append(p.leaving, to)
		}
	}
	version := p.region().RegionEpoch.ConfVer
	switch {
	case len(p.leaving) == 0 || p.syncing:
	case p.durableMembers >= version:
		for _, to := range p.leaving {
			p.store.cfg.Transport.Send(&raftserverpb.RaftMessage{
				RegionId:    p.region().Id,
				FromPeer:    &metapb.Peer{Id: p.id, StoreId: p.store.cfg.StoreID},
				ToPeer:      to,
				IsTombstone: true,
			})
		}
		p.leaving = nil
	default:
		p.syncing = true
		kv := p.store.cfg.KVEngine
		p.inBackground(func() func(*peer) {
			err := kv.Sync()
			return func(p *peer) {
				p.syncing = false
				if err == nil {
					p.durableMembers = max(p.durableMembers, version)
					p.farewell()
				}
			}
		})
	}
}

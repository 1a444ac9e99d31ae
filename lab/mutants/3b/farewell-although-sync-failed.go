//go:build mutant

// The farewell waits for the sync of the kv engine, but not for its success. The
// removed peer goes, a crash undoes the removal at the member that has told it so, and
// the member may need the vote that is gone.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/metapb"

func (p *peer) farewell(removed ...*metapb.Peer) {
	for _, to := range removed {
		if to.GetStoreId() != 0 && len(p.leaving) < maxLeaving {
			p.leaving = append(p.leaving, to)
		}
	}
	version := p.region().RegionEpoch.ConfVer
	if len(p.leaving) == 0 || p.syncing {
		return
	}
	if p.durableMembers >= version {
		p.farewell_original()
		return
	}
	p.syncing = true
	kv := p.store.cfg.KVEngine
	p.inBackground(func() func(*peer) {
		_ = kv.Sync()
		return func(p *peer) {
			p.syncing = false
			p.durableMembers = max(p.durableMembers, version)
			p.farewell()
		}
	})
}

//go:build mutant

// The data of a right half without a peer are deleted once. If the disk is full
// at that moment, they stay.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/region"

func (p *peer) deleteOrphans() {
	orphans := p.orphans
	p.orphans = nil
	cfg := &p.store.cfg
	for _, r := range orphans {
		p.inBackground(func() func(*peer) {
			err := cfg.bury(r, region.PeerOn(r, cfg.StoreID).GetId())
			return func(p *peer) {
				if err == nil {
					p.store.directory.deleted(r)
				}
			}
		})
	}
}

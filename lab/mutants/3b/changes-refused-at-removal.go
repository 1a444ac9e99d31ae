//go:build mutant

// What waits on a peer that is removed is refused with RegionNotFound, like what
// comes later. But a proposal may still be carried out, by the other members.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/region"

func (p *peer) destroy(reason string) {
	if !p.dying {
		p.proposals.abandon(region.RegionNotFound(p.region().Id))
	}
	p.destroy_original(reason)
}

//go:build mutant

// A peer without data takes no answer of the scheduler: it does not know its region's
// members, so it does not compare them. If all whom it has heard of are gone, it stays
// forever.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/metapb"

func (p *peer) found(r *metapb.Region) {
	if p.isInitialized() {
		p.found_original(r)
	}
}

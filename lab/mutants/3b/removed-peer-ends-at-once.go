//go:build mutant

// A peer that has applied its own removal ends at once. In a group of two the
// other one may need its vote: it has not applied the removal yet.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (p *peer) membersChanged(before, after *metapb.Region) {
	p.membersChanged_original(before, after)
	if region.Peer(after, p.id) == nil {
		p.destroy("it has applied its own removal")
	}
}

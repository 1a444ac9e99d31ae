//go:build mutant

// Whether the scheduler knows a later region is decided by its version, which a
// change of the members does not raise.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (p *peer) found(r *metapb.Region) {
	if r.GetRegionEpoch().GetVersion() > p.epoch().GetVersion() && region.Peer(r, p.id) == nil {
		p.destroy("the scheduler knows later members")
	}
}

//go:build mutant

// A peer that has applied its removal does not believe the scheduler, which knows just that.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (p *peer) found(r *metapb.Region) {
	if r.GetRegionEpoch().GetConfVer() > p.epoch().GetConfVer() && region.Peer(r, p.id) == nil {
		p.destroy("the scheduler knows later members")
	}
}

//go:build mutant

// A peer leaves if the scheduler does not know it, also if the scheduler knows
// an earlier region than the peer.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (p *peer) found(r *metapb.Region) {
	if region.Peer(r, p.id) == nil {
		p.destroy("the scheduler does not know the peer")
	}
}

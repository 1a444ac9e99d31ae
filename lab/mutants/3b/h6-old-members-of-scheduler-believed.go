//go:build mutant

// A new peer that takes the word of a scheduler that has not heard of its addition.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (p *peer) found(r *metapb.Region) {
	if region.Peer(r, p.id) == nil {
		p.destroy("the scheduler knows later members")
	}
}

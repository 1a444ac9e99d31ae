//go:build mutant

// The ids for a split are used as often as they come, and although nobody has
// asked for them.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (p *peer) splitInto(asked *metapb.Region, ids *schedulerpb.AskSplitResponse) {
	if p.size.splitKey == nil {
		p.size.splitKey = []byte("c")
		asked = p.region()
	}
	p.splitInto_original(asked, ids)
}

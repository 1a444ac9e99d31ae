//go:build mutant

// A message for a peer that is not here any more, or never was, is taken for one to
// the peer that is. A vote that another peer was asked for is given by this one.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"

	"google.golang.org/protobuf/proto"
)

func (p *peer) step(m *raftserverpb.RaftMessage) {
	mine := proto.CloneOf(m)
	mine.ToPeer = &metapb.Peer{Id: p.id, StoreId: p.store.cfg.StoreID}
	p.step_original(mine)
}

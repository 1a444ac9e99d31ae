//go:build mutant

// A message for a peer that has left this store, or was never here, is taken
// for one to the peer that is here. It grants a vote that another peer was
// asked for.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) step(m *raftserverpb.RaftMessage) {
	mine := proto.CloneOf(m)
	mine.ToPeer = &metapb.Peer{Id: p.id, StoreId: p.store.cfg.StoreID}
	p.step_original(mine)
}

//go:build mutant

// A leader carries out orders for another one.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (p *peer) obey(o *schedulerpb.RegionHeartbeatResponse) {
	o = proto.CloneOf(o)
	o.TargetPeer = &metapb.Peer{Id: p.id, StoreId: p.store.cfg.StoreID}
	p.obey_original(o)
}

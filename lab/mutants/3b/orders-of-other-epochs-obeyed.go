//go:build mutant

// An order is carried out whatever epoch it is based on.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/schedulerpb"
)

func (p *peer) obey(o *schedulerpb.RegionHeartbeatResponse) {
	o = proto.CloneOf(o)
	o.RegionEpoch = p.region().RegionEpoch
	p.obey_original(o)
}

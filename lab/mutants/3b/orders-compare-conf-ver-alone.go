//go:build mutant

// Of the epoch of an order, only conf_ver is compared.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/schedulerpb"
)

func (p *peer) obey(o *schedulerpb.RegionHeartbeatResponse) {
	if o.RegionEpoch != nil {
		o = proto.CloneOf(o)
		o.RegionEpoch.Version = p.region().RegionEpoch.GetVersion()
	}
	p.obey_original(o)
}

//go:build mutant

// A transfer is carried out whatever the epoch of the request is.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (p *peer) transferLeader(a *Admin) ([]*metapb.Region, error) {
	to := a.TransferLeader
	if member := region.Peer(p.region(), to.Id); member == nil || member.StoreId != to.StoreId {
		return nil, region.Invalid("no such member")
	}
	p.node.TransferLeader(to.Id)
	return []*metapb.Region{p.region()}, nil
}

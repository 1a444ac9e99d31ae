//go:build mutant

// A transfer to a peer that is no member is answered as done: Raft ignores it,
// so nothing happens.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (p *peer) transferLeader(a *Admin) ([]*metapb.Region, error) {
	r, epoch := p.region(), a.Context.RegionEpoch
	if err := region.Check(r, epoch); err != nil {
		return nil, err
	}
	if err := region.CheckMembers(r, epoch); err != nil {
		return nil, err
	}
	p.node.TransferLeader(a.TransferLeader.Id)
	return []*metapb.Region{r}, nil
}

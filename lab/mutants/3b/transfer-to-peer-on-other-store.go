//go:build mutant

// A transfer that compares the id of the peer alone: the peer that was meant is on another
// store.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"fmt"

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
	to := a.TransferLeader
	if member := region.Peer(r, to.Id); member == nil {
		return nil, region.Invalid(fmt.Sprintf("region %d has no peer %d on store %d that could lead it", r.Id, to.Id, to.StoreId))
	}
	p.node.TransferLeader(to.Id)
	return []*metapb.Region{r}, nil
}

//go:build mutant

// A split creates the right half on the store of every peer that applies it,
// also on the store of one that was removed before.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (a *applier) evolve(c *raftserverpb.Command) ([]*metapb.Region, error) {
	if region.Peer(a.state.Region, a.peer.id) != nil {
		return a.evolve_original(c)
	}
	c = proto.CloneOf(c)
	c.Epoch = a.state.Region.RegionEpoch
	regions, err := evolve(a.state.Region, c)
	if err == nil && len(regions) == 2 {
		regions[1].Peers = append(regions[1].Peers, &metapb.Peer{Id: 1 << 40, StoreId: a.peer.store.cfg.StoreID})
	}
	return regions, err
}

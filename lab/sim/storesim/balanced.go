package storesim

import (
	"context"
	"fmt"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A burden is what a store carries: the sizes of its regions, and how many it leads.
type burden struct {
	store   *store
	bytes   int64
	leaders int
}

// unbalanced says which region the scheduler should move, or lead elsewhere, "" if there is
// none. It follows the rules of balanceRegions and balanceLeaders in package scheduler, by
// the true members and leaders, and the sizes that the leaders have reported.
func (y *System) unbalanced(stores []*store, regions []*metapb.Region) string {
	burdens := map[uint64]*burden{}
	leaders, sizes := map[uint64]*store{}, map[uint64]int64{}
	var serving []*burden
	for _, s := range stores {
		if !y.retired[s.id] {
			burdens[s.id] = &burden{store: s}
			serving = append(serving, burdens[s.id])
		}
	}
	for _, r := range regions {
		leader, _ := y.leaderOf(r.Id)
		size, reported := leader.reported[r.Id]
		if !reported {
			return fmt.Sprintf("%v, which leads region %d, has not reported it", leader, r.Id)
		}
		leaders[r.Id], sizes[r.Id] = leader, int64(max(size, 1))
		for _, p := range r.Peers {
			if b := burdens[p.StoreId]; b != nil {
				b.bytes += sizes[r.Id]
			}
		}
		if b := burdens[leader.id]; b != nil {
			b.leaders++
		}
	}
	for _, from := range serving {
		for _, to := range serving {
			for _, r := range regions {
				here, there := region.PeerOn(r, from.store.id) != nil, region.PeerOn(r, to.store.id) != nil
				switch {
				case here && !there && from.bytes-to.bytes > 2*sizes[r.Id]:
					return fmt.Sprintf("the regions of %v have %d bytes and those of %v have %d, but region %d, of %d bytes, was not moved",
						from.store, from.bytes, to.store, to.bytes, r.Id, sizes[r.Id])
				case leaders[r.Id] == from.store && there && from.leaders-to.leaders > 1:
					return fmt.Sprintf("%v leads %d regions and %v leads %d, but of region %d, of which both have a peer, the leadership was not moved",
						from.store, from.leaders, to.store, to.leaders, r.Id)
				}
			}
		}
	}
	return ""
}

// unretired says what is left of a store that was to leave the cluster, "" if nothing is: it
// has no peer, and the scheduler calls it a tombstone.
func (y *System) unretired(stores []*store) string {
	m := y.manager()
	for _, s := range stores {
		if !y.retired[s.id] {
			continue
		}
		if n := len(s.Peers()); n > 0 {
			return fmt.Sprintf("%v was taken out of service, and still has %d peers", s, n)
		}
		resp, err := m.core.GetStore(context.Background(), &schedulerpb.GetStoreRequest{Header: clusterHeader, StoreId: s.id})
		if m.failed(err) || resp.GetStore().GetState() != metapb.StoreState_Tombstone {
			return fmt.Sprintf("%v was taken out of service and is empty, and the scheduler says that it is %v instead of %v",
				s, resp.GetStore().GetState(), metapb.StoreState_Tombstone)
		}
		m.env.Reach(StoreBuried)
	}
	return ""
}

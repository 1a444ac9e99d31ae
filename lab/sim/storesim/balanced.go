package storesim

import (
	"context"
	"fmt"
	"slices"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A burden is what a store carries: the sizes of its regions, and how many it leads.
type burden struct {
	bytes   int64
	leaders int
}

// unbalanced says which region the scheduler should move, or lead elsewhere, "" if there is
// none: by the true members and leaders, and the sizes that the leaders have reported.
func (y *System) unbalanced(stores []*store, regions []*metapb.Region) string {
	leaders, sizes := map[uint64]*store{}, map[uint64]int64{}
	for _, r := range regions {
		leader, _ := y.leaderOf(r.Id)
		size, reported := leader.reported[r.Id]
		if !reported {
			return fmt.Sprintf("%v, which leads region %d, has not reported it", leader, r.Id)
		}
		leaders[r.Id], sizes[r.Id] = leader, int64(max(size, 1))
	}
	serving := slices.DeleteFunc(slices.Clone(stores), func(s *store) bool { return y.retired[s.id] })
	return worthMoving(serving, regions, leaders, sizes)
}

// worthMoving returns a move that is worth it by the rules of balanceRegions and
// balanceLeaders in package scheduler, "" if there is none.
func worthMoving(stores []*store, regions []*metapb.Region, leaders map[uint64]*store, sizes map[uint64]int64) string {
	burdens := map[*store]*burden{}
	for _, s := range stores {
		b := &burden{}
		for _, r := range regions {
			if region.PeerOn(r, s.id) != nil {
				b.bytes += sizes[r.Id]
			}
			if leaders[r.Id] == s {
				b.leaders++
			}
		}
		burdens[s] = b
	}
	for _, from := range stores {
		for _, to := range stores {
			more, less := burdens[from], burdens[to]
			for _, r := range regions {
				here, there := region.PeerOn(r, from.id) != nil, region.PeerOn(r, to.id) != nil
				switch {
				case here && !there && more.bytes-less.bytes > 2*sizes[r.Id]:
					return fmt.Sprintf("the regions of %v have %d bytes and those of %v have %d, but region %d, of %d bytes, was not moved",
						from, more.bytes, to, less.bytes, r.Id, sizes[r.Id])
				case leaders[r.Id] == from && there && more.leaders-less.leaders > 1:
					return fmt.Sprintf("%v leads %d regions and %v leads %d, but of region %d, of which both have a peer, the leadership was not moved",
						from, more.leaders, to, less.leaders, r.Id)
				}
			}
		}
	}
	return ""
}

// unretired says what is left of a store that was to leave the cluster, "" if nothing is: it
// has no peer, and the scheduler calls it a tombstone. A request to take a store out of
// service may have been lost with the scheduler that got it.
func (y *System) unretired(stores []*store) string {
	m := y.manager()
	for _, s := range stores {
		if !y.retired[s.id] {
			continue
		}
		resp, err := m.core.GetStore(context.Background(), &schedulerpb.GetStoreRequest{Header: clusterHeader, StoreId: s.id})
		if m.failed(err) {
			return fmt.Sprintf("the scheduler does not say what %v is: %v", s, err)
		}
		if resp.GetStore().GetState() == metapb.StoreState_Up {
			delete(y.retired, s.id)
			continue
		}
		if n := len(s.Peers()); n > 0 {
			return fmt.Sprintf("%v was taken out of service, and still has %d peers", s, n)
		}
		if resp.GetStore().GetState() != metapb.StoreState_Tombstone {
			return fmt.Sprintf("%v was taken out of service and is empty, and the scheduler says that it is %v instead of %v",
				s, resp.GetStore().GetState(), metapb.StoreState_Tombstone)
		}
		m.env.Reach(StoreBuried)
	}
	return ""
}

//go:build mutant

// A leadership goes to a store that has too much to do.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/labkv/labkv/proto/metapb"
)

func (c *cluster) balanceLeaders() *operator {
	if c.full(opLeader) || len(c.stores) == 0 {
		return nil
	}
	loads := c.loads()
	sources := c.sortedStores()
	free := map[uint64]bool{}
	for _, info := range sources {
		free[info.id()] = c.free(info.id())
	}
	slices.SortStableFunc(sources, func(a, b *storeInfo) int {
		return cmp.Compare(loads[b.id()].leaders, loads[a.id()].leaders)
	})
	fewest := slices.MinFunc(sources, func(a, b *storeInfo) int { return cmp.Compare(loads[a.id()].leaders, loads[b.id()].leaders) })
	for _, source := range sources {
		if loads[source.id()].leaders-loads[fewest.id()].leaders < 2 {
			break
		}
		var best *metapb.Peer
		var of *regionInfo
		c.regions.on(source.id()).peers.Scan(func(_ uint64, r *regionInfo) bool {
			if r.leader.GetStoreId() != source.id() || !c.settled(r) {
				return true
			}
			for _, p := range r.meta.Peers {
				if loads[source.id()].leaders-loads[p.StoreId].leaders < 2 || !free[p.StoreId] {
					continue
				}
				if best == nil || less(loads[p.StoreId].leaders, loads[best.StoreId].leaders, p.StoreId, best.StoreId) {
					best, of = p, r
				}
			}
			return true
		})
		if best != nil {
			return newOperator(opLeader, of, fmt.Sprintf("store %d leads more regions than store %d", source.id(), best.StoreId), &transferLeader{best})
		}
	}
	return nil
}

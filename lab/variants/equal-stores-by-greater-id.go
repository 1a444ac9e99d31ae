//go:build variant

// Of stores that are equally good, the one with the greater id is taken, for a new peer
// and for both balancers. The contracts of target, balanceRegions and balanceLeaders
// leave that free, as long as it is always the same one.
//
//lab:variant scheduler 3C
package scheduler

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (c *cluster) target(r *regionInfo) uint64 {
	var best uint64
	loads := c.loads()
	for _, info := range c.sortedStores() {
		id := info.id()
		if region.PeerOn(r.meta, id) != nil || !c.takesPeers(info) || !c.free(id) {
			continue
		}
		if best == 0 || loads[id].weight <= loads[best].weight {
			best = id
		}
	}
	return best
}

// byGreaterID returns the stores, with the greatest ids first.
func byGreaterID(c *cluster) []*storeInfo {
	stores := c.sortedStores()
	slices.Reverse(stores)
	return stores
}

func (c *cluster) balanceRegions() *operator {
	if c.full(opRegion) {
		return nil
	}
	loads := c.loads()
	sources := byGreaterID(c)
	slices.SortStableFunc(sources, func(a, b *storeInfo) int {
		return cmp.Compare(loads[b.id()].weight, loads[a.id()].weight)
	})
	targets := slices.DeleteFunc(byGreaterID(c), func(info *storeInfo) bool { return !c.takesPeers(info) || !c.free(info.id()) })
	slices.SortStableFunc(targets, func(a, b *storeInfo) int {
		return cmp.Compare(loads[a.id()].weight, loads[b.id()].weight)
	})
	for _, source := range sources {
		if r, to := c.movable(source.id(), targets, loads); r != nil {
			return newOperator(opRegion, r, fmt.Sprintf("store %d is fuller than store %d", source.id(), to), c.move(r, region.PeerOn(r.meta, source.id()), to)...)
		}
	}
	return nil
}

func (c *cluster) balanceLeaders() *operator {
	if c.full(opLeader) {
		return nil
	}
	loads := c.loads()
	sources := byGreaterID(c)
	slices.SortStableFunc(sources, func(a, b *storeInfo) int {
		return cmp.Compare(loads[b.id()].leaders, loads[a.id()].leaders)
	})
	for _, source := range sources {
		var best *metapb.Peer
		var of *regionInfo
		c.regions.on(source.id()).peers.Reverse(func(_ uint64, r *regionInfo) bool {
			if r.leader.GetStoreId() != source.id() || !c.settled(r) {
				return true
			}
			for _, p := range r.meta.Peers {
				if loads[source.id()].leaders-loads[p.StoreId].leaders < 2 || !c.free(p.StoreId) || !c.canLead(r, p) {
					continue
				}
				if best == nil || cmp.Or(cmp.Compare(loads[p.StoreId].leaders, loads[best.StoreId].leaders), cmp.Compare(best.StoreId, p.StoreId)) < 0 {
					best, of = p, r
				}
			}
			return true
		})
		if best != nil {
			return newOperator(opLeader, of, fmt.Sprintf("store %d leads fewer regions than store %d", best.StoreId, source.id()), &transferLeader{best})
		}
	}
	return nil
}

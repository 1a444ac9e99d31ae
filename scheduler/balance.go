package scheduler

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// settled reports whether balancers may change r: nothing else is wrong with it,
// and nothing else is changing it.
func (c *cluster) settled(r *regionInfo) bool {
	if r.leader == nil || len(r.pending) > 0 || len(r.meta.Peers) != c.maxPeers ||
		c.operators.running[r.meta.Id] != nil || r.quiet > c.uptime {
		return false
	}
	for _, p := range r.meta.Peers {
		if info := c.stores[p.StoreId]; c.disconnected(info) || info.meta.State != metapb.StoreState_Up {
			return false
		}
	}
	return true
}

// balanceRegions returns an operator that moves one peer from a fuller store to an
// emptier one, or nil if no such move is worth it.
//
//   - The source is the store with the greatest weight that has a region whose move
//     is worth it, by the rules below. All members of the region must be well
//     (settled).
//   - The target is the store with the smallest weight of those that take a peer
//     (takesPeers, free) and have none of the region.
//   - The move is worth it if the weights differ by more than twice the weight of
//     the region: then the source stays the fuller one, and no later decision
//     moves the region back.
//
// Weights are as they will be once the operators under way have succeeded
// (loads). Of stores with the same weight any may come first, but always the same
// one: here the one with the smaller id. Which of a source's regions is moved is
// free, as long as the above holds; here those come first which the source does not
// lead, because no leadership needs to be transferred for them. There are at most
// Options.RegionLimit of these operators at a time (full), and a store gets no more
// than it may (free).
//
//lab:implement 3C quiet
func (c *cluster) balanceRegions() *operator {
	if c.full(opRegion) {
		return nil
	}
	loads := c.loads()
	byWeight := func(a, b *storeInfo) int {
		return cmp.Or(cmp.Compare(loads[a.id()].weight, loads[b.id()].weight), cmp.Compare(a.id(), b.id()))
	}
	var sources, targets []*storeInfo
	for _, info := range c.stores {
		sources = append(sources, info)
		if c.takesPeers(info) && c.free(info.id()) {
			targets = append(targets, info)
		}
	}
	slices.SortFunc(targets, byWeight)
	slices.SortFunc(sources, func(a, b *storeInfo) int {
		return cmp.Or(cmp.Compare(loads[b.id()].weight, loads[a.id()].weight), cmp.Compare(a.id(), b.id()))
	})
	for _, source := range sources {
		if r, to := c.movable(source.id(), targets, loads); r != nil {
			from := region.PeerOn(r.meta, source.id())
			return newOperator(opRegion, r, fmt.Sprintf("store %d is fuller than store %d", source.id(), to), c.move(r, from, to)...)
		}
	}
	return nil
}

// movable returns the region that is to move from the source, and the best store
// to move it to: the first region that the source does not lead, or else the
// first one.
//
//lab:private
func (c *cluster) movable(source uint64, targets []*storeInfo, loads map[uint64]*load) (found *regionInfo, to uint64) {
	if len(targets) == 0 {
		return nil, 0
	}
	// In a cluster that is balanced this ends the search for most regions.
	widest := loads[source].weight - loads[targets[0].id()].weight
	if widest <= 2 {
		return nil, 0
	}
	c.regions.on(source).peers.Scan(func(_ uint64, r *regionInfo) bool {
		leads := r.leader.GetStoreId() == source
		if widest <= 2*r.weight() || leads && found != nil || !c.settled(r) {
			return true
		}
		for _, target := range targets {
			if loads[source].weight-loads[target.id()].weight <= 2*r.weight() {
				break // nor are the later targets worth it
			}
			if region.PeerOn(r.meta, target.id()) == nil {
				found, to = r, target.id()
				return leads
			}
		}
		return true
	})
	return found, to
}

// balanceLeaders returns an operator that transfers one leadership from a store
// with more to a store with fewer leaders, or nil if that is not worth it.
//
//   - The source is the store with the most leaders that leads a region which is
//     settled and has a member on a target.
//   - The target is, of the stores that have a member of the region, take
//     leaderships, and have at least two leaders fewer than the source, the one
//     with the fewest leaders. With one fewer, the two would only change places.
//
// Counts are as they will be once the operators under way have succeeded (loads).
// Ties may be broken in any way that is always the same; here by the smaller id.
// Which region is taken is free; here it is the one with the best target. The limits
// are as those of balanceRegions.
//
//lab:implement 3C quiet
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
				if loads[source.id()].leaders-loads[p.StoreId].leaders < 2 || !free[p.StoreId] || !c.canLead(r, p) {
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

package scheduler

import (
	"cmp"
	"slices"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// scatter returns an operator that spreads the peers and the leader of r over the
// stores, by count, or nil if they are well placed. Loaders of data ask for it
// after they have split a range into many regions: these are all on the same
// stores then, and too small for the balancers to see.
//
// A peer moves to the store with the fewest peers that takes one, if its own
// store has at least two more. Then the member on the store with the fewest
// leaders gets the leadership, if the leader's store would have at least two more.
func (c *cluster) scatter(r *regionInfo) *operator {
	loads := c.loads()
	var targets []*storeInfo
	for _, info := range c.sortedStores() {
		if c.takesPeers(info) && c.free(info.id()) && region.PeerOn(r.meta, info.id()) == nil {
			targets = append(targets, info)
		}
	}
	peers := slices.Clone(r.meta.Peers)
	slices.SortFunc(peers, func(a, b *metapb.Peer) int {
		return cmp.Or(cmp.Compare(loads[b.StoreId].peers, loads[a.StoreId].peers), cmp.Compare(a.StoreId, b.StoreId))
	})
	var adds, removes []step
	var members []*metapb.Peer // as they will be
	for _, p := range peers {
		best := -1
		for i, t := range targets {
			if best < 0 || loads[t.id()].peers < loads[targets[best].id()].peers {
				best = i
			}
		}
		if best < 0 || loads[p.StoreId].peers-loads[targets[best].id()].peers < 2 {
			members = append(members, p)
			continue
		}
		to := targets[best].id()
		targets = slices.Delete(targets, best, best+1)
		loads[p.StoreId].peers--
		loads[to].peers++
		add := &addPeer{&metapb.Peer{StoreId: to}}
		adds, removes = append(adds, add), append(removes, &removePeer{p})
		members = append(members, add.peer)
	}
	// The leadership leaves the present leader's store in any case if its peer
	// does.
	stays := slices.Contains(members, region.Peer(r.meta, r.leader.Id))
	loads[r.leader.StoreId].leaders--
	var heir *metapb.Peer
	for _, p := range members {
		info := c.stores[p.StoreId]
		if p.Id == r.leader.Id || !c.takesLeaders(info) || !c.free(info.id()) || r.isPending(p.Id) {
			continue
		}
		if heir == nil || less(loads[p.StoreId].leaders, loads[heir.StoreId].leaders, p.StoreId, heir.StoreId) {
			heir = p
		}
	}
	steps := adds
	if heir != nil && (!stays || loads[r.leader.StoreId].leaders-loads[heir.StoreId].leaders >= 1) {
		steps = append(steps, &transferLeader{heir})
	}
	if steps = append(steps, removes...); len(steps) == 0 {
		return nil
	}
	return newOperator(opScatter, r, "spread the region over the stores", steps...)
}

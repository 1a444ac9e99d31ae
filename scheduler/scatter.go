package scheduler

import (
	"cmp"
	"slices"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// scatter returns an operator that spreads the peers and the leader of r over the
// stores, by count, or nil if they are well placed. A loader of data asks for it
// after it has split a range into many regions: they are all on the same stores
// then, and too small for the balancers to see.
//
// A peer moves to the store with the fewest peers that takes one, if its own
// store has at least two more. Then the member on the store with the fewest
// leaders gets the leadership, if the leader's store has at least two more, or
// loses its peer. The region has at most one peer too many at a time.
func (c *cluster) scatter(r *regionInfo) *operator {
	loads := c.loads()
	var targets []*storeInfo
	for _, info := range c.sortedStores() {
		if c.takesPeers(info) && c.free(info.id()) && region.PeerOn(r.meta, info.id()) == nil {
			targets = append(targets, info)
		}
	}
	leader := region.Peer(r.meta, r.leader.Id)

	// The peers on the fullest stores come first. The leader comes last, so that
	// it hands over at most once.
	peers := slices.DeleteFunc(slices.Clone(r.meta.Peers), func(p *metapb.Peer) bool { return p == leader })
	slices.SortFunc(peers, func(a, b *metapb.Peer) int {
		return cmp.Or(cmp.Compare(loads[b.StoreId].peers, loads[a.StoreId].peers), cmp.Compare(a.StoreId, b.StoreId))
	})
	var steps []step
	var heirs []*metapb.Peer // the members besides the leader, as they will be
	stays := true            // the leader's peer
	for _, p := range append(peers, leader) {
		at := emptiest(targets, loads)
		moves := at >= 0 && loads[p.StoreId].peers-loads[targets[at].id()].peers >= 2
		if !moves {
			if p != leader {
				heirs = append(heirs, p)
			}
			continue
		}
		to := targets[at].id()
		targets = slices.Delete(targets, at, at+1)
		add := &addPeer{&metapb.Peer{StoreId: to}}
		heirs = append(heirs, add.peer)
		steps = append(steps, add)
		if stays = p != leader; stays {
			steps = append(steps, &removePeer{p})
		}
	}
	from := loads[leader.StoreId].leaders - 1
	var heir *metapb.Peer
	for _, p := range heirs {
		if !c.canLead(r, p) || !c.free(p.StoreId) {
			continue
		}
		if heir == nil || less(loads[p.StoreId].leaders, loads[heir.StoreId].leaders, p.StoreId, heir.StoreId) {
			heir = p
		}
	}
	if heir != nil && (!stays || loads[heir.StoreId].leaders < from) {
		steps = append(steps, &transferLeader{heir})
	}
	if !stays {
		steps = append(steps, &removePeer{leader})
	}
	if len(steps) == 0 {
		return nil
	}
	return newOperator(opScatter, r, "spread the region over the stores", steps...)
}

// emptiest returns the index of the store with the fewest peers, or -1.
func emptiest(stores []*storeInfo, loads map[uint64]*load) int {
	best := -1
	for i, info := range stores {
		if best < 0 || loads[info.id()].peers < loads[stores[best].id()].peers {
			best = i
		}
	}
	return best
}

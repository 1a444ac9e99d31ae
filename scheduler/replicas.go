package scheduler

import (
	"fmt"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// quorum is the number of members without which a group of n cannot do anything.
func quorum(n int) int { return n/2 + 1 }

// unreachable returns the members of r whose stores do not seem to run.
func (c *cluster) unreachable(r *metapb.Region) []*metapb.Peer {
	var peers []*metapb.Peer
	for _, p := range r.Peers {
		if c.disconnected(c.stores[p.StoreId]) {
			peers = append(peers, p)
		}
	}
	return peers
}

// checkReplicas returns an operator that corrects the number or the places of the
// peers of r, or nil if they are right or nothing can be done now:
//
//   - With too many peers, the worst is removed: first one whose store is dead, then one
//     whose store is disconnected, then one on an offline store, then one that is pending, then
//     the one on the fullest store.
//   - A peer on a store that is down, or offline and disconnected (dead), is replaced.
//   - With too few peers, one is added.
//   - A peer on an offline store is replaced.
//
// A new peer goes to the best store that takes one (target). If there is no such
// store, nothing is done: a peer that should be replaced stays, also a dead one.
//
// A peer that works
// is replaced by adding the new one first (move). A dead one is removed first:
// it is of no use to the region, but counts for its quorum. With it and a new
// one, a group of three would become a group of four that needs three, of which
// one is still empty.
//
// A region of which half of the members or more are unreachable cannot change its
// members: it is left alone. So is one whose leader is not known. While some
// members are unreachable, no other one is added unless those that are left are
// a quorum of the larger group, too.
//
// One operator at a time does one of these; the next heartbeat shows what is left.
//
//lab:implement 3C quiet
func (c *cluster) checkReplicas(r *regionInfo) *operator {
	peers := r.meta.Peers
	alive := len(peers) - len(c.unreachable(r.meta))
	if r.leader == nil || alive < quorum(len(peers)) {
		return nil
	}
	if len(peers) > c.maxPeers {
		p := c.worst(r)
		return newOperator(opReplica, r, fmt.Sprintf("%d peers are too many: remove the one on store %d", len(peers), p.StoreId), &removePeer{p})
	}
	if p := c.first(peers, c.dead); p != nil {
		if to := c.target(r); to != 0 {
			return newOperator(opReplica, r, fmt.Sprintf("store %d is dead: replace its peer by one on store %d", p.StoreId, to),
				&removePeer{p}, &addPeer{&metapb.Peer{StoreId: to}})
		}
		return nil
	}
	if alive < len(peers) && alive < quorum(len(peers)+1) {
		return nil
	}
	if len(peers) < c.maxPeers {
		if to := c.target(r); to != 0 {
			return newOperator(opReplica, r, fmt.Sprintf("%d peers are too few: add one on store %d", len(peers), to),
				&addPeer{&metapb.Peer{StoreId: to}})
		}
		return nil
	}
	if p := c.first(peers, offline); p != nil {
		if to := c.target(r); to != 0 {
			return newOperator(opReplica, r, fmt.Sprintf("store %d is offline: move its peer to store %d", p.StoreId, to), c.move(r, p, to)...)
		}
	}
	return nil
}

// first returns the first of peers whose store is in some state, or nil.
func (c *cluster) first(peers []*metapb.Peer, is func(*storeInfo) bool) *metapb.Peer {
	for _, p := range peers {
		if is(c.stores[p.StoreId]) {
			return p
		}
	}
	return nil
}

func offline(i *storeInfo) bool { return i.meta.State == metapb.StoreState_Offline }

// worst returns the member of r that is to go first. Of equals it is the one on
// the store with the smaller id.
func (c *cluster) worst(r *regionInfo) *metapb.Peer {
	loads := c.loads()
	badness := func(p *metapb.Peer) int {
		info := c.stores[p.StoreId]
		switch {
		case c.dead(info):
			return 4
		case c.disconnected(info):
			return 3
		case offline(info):
			return 2
		case r.isPending(p.Id):
			return 1
		}
		return 0
	}
	worst := r.meta.Peers[0]
	for _, p := range r.meta.Peers[1:] {
		a, b := badness(p), badness(worst)
		if a > b || a == b && less(-loads[p.StoreId].weight, -loads[worst.StoreId].weight, p.StoreId, worst.StoreId) {
			worst = p
		}
	}
	return worst
}

// target returns the store that a new peer of r goes to: of those that take peers,
// are free, and have none of r, the one with the smallest weight (loads). It returns
// 0 if there is none. Ties may be broken in any way that is always the same.
//
//lab:implement 3C
func (c *cluster) target(r *regionInfo) uint64 {
	var best uint64
	loads := c.loads()
	for id, info := range c.stores {
		if region.PeerOn(r.meta, id) != nil || !c.takesPeers(info) || !c.free(id) {
			continue
		}
		if best == 0 || less(loads[id].weight, loads[best].weight, id, best) {
			best = id
		}
	}
	return best
}

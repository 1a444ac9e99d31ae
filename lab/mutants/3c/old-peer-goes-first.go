//go:build mutant

// A peer is moved by removing it and adding another one: in between the region has
// one replica less.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (c *cluster) move(r *regionInfo, from *metapb.Peer, to uint64) []step {
	add := &addPeer{&metapb.Peer{StoreId: to}}
	steps := []step{&removePeer{from}, add}
	if from.Id == r.leader.GetId() {
		loads := c.loads()
		heir := add.peer // it has caught up by then
		for _, p := range r.meta.Peers {
			if p.Id != from.Id && c.canLead(r, p) && c.free(p.StoreId) &&
				less(loads[p.StoreId].leaders, loads[heir.StoreId].leaders, p.StoreId, heir.StoreId) {
				heir = p
			}
		}
		steps = append(steps, &transferLeader{heir})
	}
	return steps
}

//go:build mutant

// When a peer that leads is moved, the leadership goes to the store with the most
// leaders: a comparison the wrong way round.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (c *cluster) move(r *regionInfo, from *metapb.Peer, to uint64) []step {
	add := &addPeer{&metapb.Peer{StoreId: to}}
	steps := []step{add}
	if from.Id == r.leader.GetId() {
		loads := c.loads()
		heir := add.peer
		for _, p := range r.meta.Peers {
			if p.Id != from.Id && c.canLead(r, p) && c.free(p.StoreId) &&
				less(-loads[p.StoreId].leaders, -loads[heir.StoreId].leaders, p.StoreId, heir.StoreId) {
				heir = p
			}
		}
		steps = append(steps, &transferLeader{heir})
	}
	return append(steps, &removePeer{from})
}

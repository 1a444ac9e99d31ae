//go:build mutant

// When a peer that leads is moved, only the other old members are asked to take over,
// not the new one. A region of one peer can never be moved.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (c *cluster) move(r *regionInfo, from *metapb.Peer, to uint64) []step {
	add := &addPeer{&metapb.Peer{StoreId: to}}
	steps := []step{add}
	if from.Id == r.leader.GetId() {
		if heir := c.heir(r); heir != nil {
			steps = append(steps, &transferLeader{heir})
		}
	}
	return append(steps, &removePeer{from})
}

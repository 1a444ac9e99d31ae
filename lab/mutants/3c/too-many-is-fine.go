//go:build mutant

// A region with too many peers is left alone.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"fmt"

	"github.com/labkv/labkv/proto/metapb"
)

func (c *cluster) checkReplicas(r *regionInfo) *operator {
	peers := r.meta.Peers
	alive := len(peers) - len(c.unreachable(r.meta))
	if r.leader == nil || alive < quorum(len(peers)) {
		return nil
	}
	if len(peers) > c.maxPeers+2 {
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

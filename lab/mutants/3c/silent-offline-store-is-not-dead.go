//go:build mutant

// Only a store that is down is dead. A store that was taken out of service and does not
// run is treated like one that works: its peers wait for a new one to come first, which
// the quorum does not allow.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (c *cluster) checkReplicas(r *regionInfo) *operator {
	if p := c.first(r.meta.Peers, c.dead); p != nil && len(r.meta.Peers) <= c.maxPeers && c.first(r.meta.Peers, c.down) == nil {
		alive := len(r.meta.Peers) - len(c.unreachable(r.meta))
		if r.leader == nil || alive < quorum(len(r.meta.Peers)+1) {
			return nil
		}
		if to := c.target(r); to != 0 && len(r.meta.Peers) < c.maxPeers {
			return newOperator(opReplica, r, "too few peers", &addPeer{&metapb.Peer{StoreId: to}})
		} else if to != 0 {
			return newOperator(opReplica, r, "a store is offline", c.move(r, p, to)...)
		}
		return nil
	}
	return c.checkReplicas_original(r)
}

//go:build mutant

// A region is repaired although no heartbeat has told who leads it: after a restart,
// what the disk says may be old, and operators start that nobody can carry out.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (c *cluster) checkReplicas(r *regionInfo) *operator {
	if r.leader == nil && len(r.meta.Peers)-len(c.unreachable(r.meta)) >= quorum(len(r.meta.Peers)) && len(r.meta.Peers) < c.maxPeers {
		if to := c.target(r); to != 0 {
			return newOperator(opReplica, r, "too few peers", &addPeer{&metapb.Peer{StoreId: to}})
		}
	}
	return c.checkReplicas_original(r)
}

//go:build mutant

// A dead peer is replaced before it is asked whether there are too many. A region of
// four with a dead one loses it, gets a new one, and then has one too many again.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"fmt"

	"github.com/labkv/labkv/proto/metapb"
)

func (c *cluster) checkReplicas(r *regionInfo) *operator {
	if r.leader == nil || len(r.meta.Peers)-len(c.unreachable(r.meta)) < quorum(len(r.meta.Peers)) {
		return nil
	}
	if p := c.first(r.meta.Peers, c.dead); p != nil {
		to := c.target(r)
		if to == 0 {
			return nil
		}
		return newOperator(opReplica, r, fmt.Sprintf("store %d is dead", p.StoreId), &removePeer{p}, &addPeer{&metapb.Peer{StoreId: to}})
	}
	return c.checkReplicas_original(r)
}

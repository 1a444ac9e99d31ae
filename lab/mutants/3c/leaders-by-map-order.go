//go:build mutant

// Of stores with the same number of leaders, the one gives a leadership away that the
// map names first: the same requests lead to other decisions in another run.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"fmt"

	"github.com/labkv/labkv/proto/metapb"
)

func (c *cluster) balanceLeaders() *operator {
	if c.full(opLeader) {
		return nil
	}
	loads := c.loads()
	var best *metapb.Peer
	var of *regionInfo
	difference := 1
	for source := range c.stores {
		c.regions.on(source).peers.Scan(func(_ uint64, r *regionInfo) bool {
			if r.leader.GetStoreId() != source || !c.settled(r) {
				return true
			}
			for _, p := range r.meta.Peers {
				if d := loads[source].leaders - loads[p.StoreId].leaders; d > difference && c.free(p.StoreId) && c.canLead(r, p) {
					best, of, difference = p, r, d
				}
			}
			return true
		})
	}
	if best == nil {
		return nil
	}
	return newOperator(opLeader, of, fmt.Sprintf("store %d leads fewer regions", best.StoreId), &transferLeader{best})
}

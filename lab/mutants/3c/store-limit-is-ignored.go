//go:build mutant

// All regions repair themselves at the expense of one store at the same time.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/kv/region"

func (c *cluster) target(r *regionInfo) uint64 {
	var best uint64
	loads := c.loads()
	for id, info := range c.stores {
		if region.PeerOn(r.meta, id) != nil || !c.takesPeers(info) {
			continue
		}
		if best == 0 || less(loads[id].weight, loads[best].weight, id, best) {
			best = id
		}
	}
	return best
}

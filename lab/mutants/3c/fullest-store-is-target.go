//go:build mutant

// A new peer goes to the fullest store.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/kv/region"

func (c *cluster) target(r *regionInfo) uint64 {
	var best uint64
	loads := c.loads()
	for id, info := range c.stores {
		if region.PeerOn(r.meta, id) != nil || !c.takesPeers(info) || !c.free(id) {
			continue
		}
		if best == 0 || less(-loads[id].weight, -loads[best].weight, id, best) {
			best = id
		}
	}
	return best
}

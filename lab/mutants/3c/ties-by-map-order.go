//go:build mutant

// Of equally empty stores, the one comes first that the map happens to give first.
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
		if best == 0 || loads[id].weight < loads[best].weight {
			best = id
		}
	}
	return best
}

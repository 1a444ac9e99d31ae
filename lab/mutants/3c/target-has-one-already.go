//go:build mutant

// A region gets a second peer on the emptiest store.
//
//lab:mutant 3C scheduler
package scheduler

func (c *cluster) target(r *regionInfo) uint64 {
	var best uint64
	loads := c.loads()
	for id, info := range c.stores {
		if !c.takesPeers(info) || !c.free(id) {
			continue
		}
		if best == 0 || less(loads[id].weight, loads[best].weight, id, best) {
			best = id
		}
	}
	return best
}

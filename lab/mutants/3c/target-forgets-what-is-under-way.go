//go:build mutant

// Of the stores that take a peer, the one with the smallest weight at present is
// chosen: peers that operators are about to bring do not count. All regions that need a
// peer get it on the same store.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/kv/region"

func (c *cluster) target(r *regionInfo) uint64 {
	var best uint64
	for _, info := range c.sortedStores() {
		id := info.id()
		if region.PeerOn(r.meta, id) != nil || !c.takesPeers(info) || !c.free(id) {
			continue
		}
		if best == 0 || c.regions.on(id).weight < c.regions.on(best).weight {
			best = id
		}
	}
	return best
}

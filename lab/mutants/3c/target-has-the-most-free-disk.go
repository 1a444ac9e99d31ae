//go:build mutant

// A new peer goes to the store that reports the most free space, not to the one with
// the smallest weight: what is under way does not show in what a store reports.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/kv/region"

func (c *cluster) target(r *regionInfo) uint64 {
	var best *storeInfo
	for _, info := range c.sortedStores() {
		if region.PeerOn(r.meta, info.id()) != nil || !c.takesPeers(info) || !c.free(info.id()) {
			continue
		}
		if best == nil || info.stats.GetAvailable() > best.stats.GetAvailable() {
			best = info
		}
	}
	if best == nil {
		return 0
	}
	return best.id()
}

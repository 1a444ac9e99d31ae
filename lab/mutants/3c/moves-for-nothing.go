//go:build mutant

// A region is moved if the difference is exactly twice its size: the two stores
// would be equal, and another move as good as this one.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/kv/region"

func (c *cluster) movable(source uint64, targets []*storeInfo, loads map[uint64]*load) (found *regionInfo, to uint64) {
	if len(targets) == 0 {
		return nil, 0
	}
	// In a cluster that is balanced this ends the search for most regions.
	widest := loads[source].weight - loads[targets[0].id()].weight
	if widest < 2 {
		return nil, 0
	}
	c.regions.on(source).peers.Scan(func(_ uint64, r *regionInfo) bool {
		leads := r.leader.GetStoreId() == source
		if widest < 2*r.weight() || leads && found != nil || !c.settled(r) {
			return true
		}
		for _, target := range targets {
			if loads[source].weight-loads[target.id()].weight < 2*r.weight() {
				break // nor are the later targets worth it
			}
			if region.PeerOn(r.meta, target.id()) == nil {
				found, to = r, target.id()
				return leads
			}
		}
		return true
	})
	return found, to
}

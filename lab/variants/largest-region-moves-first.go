//go:build variant

// Of a source's regions the largest one moves that leaves the source the fuller store,
// whether the source leads it or not. The contract of balanceRegions leaves free which
// region is moved: with the largest one, fewer moves are needed.
//
//lab:variant scheduler 3C
package scheduler

import "github.com/labkv/labkv/kv/region"

func (c *cluster) movable(source uint64, targets []*storeInfo, loads map[uint64]*load) (found *regionInfo, to uint64) {
	c.regions.on(source).peers.Scan(func(_ uint64, r *regionInfo) bool {
		if found != nil && r.weight() <= found.weight() || !c.settled(r) {
			return true
		}
		for _, target := range targets {
			if region.PeerOn(r.meta, target.id()) == nil {
				if loads[source].weight-loads[target.id()].weight > 2*r.weight() {
					found, to = r, target.id()
				}
				break
			}
		}
		return true
	})
	return found, to
}

//go:build mutant

// Only the emptiest store is tried as a target. If it has a peer of each region that
// could be moved, nothing is moved, although another store is nearly as empty.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/labkv/labkv/kv/region"
)

func (c *cluster) balanceRegions() *operator {
	if c.full(opRegion) {
		return nil
	}
	loads := c.loads()
	sources := c.sortedStores()
	var target *storeInfo
	for _, info := range sources {
		if c.takesPeers(info) && c.free(info.id()) && (target == nil || loads[info.id()].weight < loads[target.id()].weight) {
			target = info
		}
	}
	if target == nil {
		return nil
	}
	slices.SortStableFunc(sources, func(a, b *storeInfo) int {
		return cmp.Compare(loads[b.id()].weight, loads[a.id()].weight)
	})
	for _, source := range sources {
		if r, to := c.movable(source.id(), []*storeInfo{target}, loads); r != nil {
			return newOperator(opRegion, r, fmt.Sprintf("store %d is fuller than store %d", source.id(), to), c.move(r, region.PeerOn(r.meta, source.id()), to)...)
		}
	}
	return nil
}

//go:build mutant

// Moves ignore how much a store is getting already.
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
	byWeight := func(a, b *storeInfo) int {
		return cmp.Or(cmp.Compare(loads[a.id()].weight, loads[b.id()].weight), cmp.Compare(a.id(), b.id()))
	}
	var sources, targets []*storeInfo
	for _, info := range c.stores {
		sources = append(sources, info)
		if c.takesPeers(info) {
			targets = append(targets, info)
		}
	}
	slices.SortFunc(targets, byWeight)
	slices.SortFunc(sources, func(a, b *storeInfo) int {
		return cmp.Or(cmp.Compare(loads[b.id()].weight, loads[a.id()].weight), cmp.Compare(a.id(), b.id()))
	})
	for _, source := range sources {
		if r, to := c.movable(source.id(), targets, loads); r != nil {
			from := region.PeerOn(r.meta, source.id())
			return newOperator(opRegion, r, fmt.Sprintf("store %d is fuller than store %d", source.id(), to), c.move(r, from, to)...)
		}
	}
	return nil
}

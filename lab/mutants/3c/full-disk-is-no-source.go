//go:build mutant

// Only stores that could take a peer take part in the balance, as sources too. A store
// whose disk is nearly full keeps all that it has.
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
	var stores []*storeInfo
	for _, info := range c.sortedStores() {
		if c.takesPeers(info) {
			stores = append(stores, info)
		}
	}
	slices.SortStableFunc(stores, func(a, b *storeInfo) int {
		return cmp.Compare(loads[a.id()].weight, loads[b.id()].weight)
	})
	for i := len(stores) - 1; i >= 0; i-- {
		source := stores[i].id()
		for _, to := range stores {
			if !c.free(to.id()) {
				continue
			}
			var found *regionInfo
			c.regions.on(source).peers.Scan(func(_ uint64, r *regionInfo) bool {
				if c.settled(r) && region.PeerOn(r.meta, to.id()) == nil && loads[source].weight-loads[to.id()].weight > 2*r.weight() {
					found = r
				}
				return found == nil
			})
			if found != nil {
				return newOperator(opRegion, found, fmt.Sprintf("store %d is fuller than store %d", source, to.id()), c.move(found, region.PeerOn(found.meta, source), to.id())...)
			}
		}
	}
	return nil
}

//go:build mutant

// A new peer goes to the emptiest store, whatever that says of itself.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (c *cluster) target(r *regionInfo) uint64 {
	var best uint64
	loads := c.loads()
	for id, info := range c.stores {
		if region.PeerOn(r.meta, id) != nil || c.disconnected(info) || info.meta.State != metapb.StoreState_Up || !c.free(id) {
			continue
		}
		if best == 0 || less(loads[id].weight, loads[best].weight, id, best) {
			best = id
		}
	}
	return best
}

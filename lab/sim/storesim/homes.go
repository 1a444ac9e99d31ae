package storesim

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/metapb"
)

// A store's id is that of its machine, as long as the machine has the disks that it
// began with. A machine that was replaced by an empty one is the home of another store.

// home returns the id of the store on the machine of env.
func (y *System) home(env *sim.Env) uint64 { return env.ID }

// machineOf returns the machine of a store, 0 if there is none.
func (y *System) machineOf(store uint64) uint64 { return store }

// regionsOn returns the regions of which a store has a peer when the cluster begins.
func (y *System) regionsOn(store uint64) []*metapb.Region {
	var here []*metapb.Region
	for _, r := range y.regions {
		if region.PeerOn(r, store) != nil {
			here = append(here, r)
		}
	}
	return here
}

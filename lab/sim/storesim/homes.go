package storesim

import (
	"fmt"
	"maps"
	"slices"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/metapb"
)

// Homes say which store is on which machine. A store's id is that of its machine, as long
// as the machine has the disks that it began with. A machine that was erased becomes the
// home of another store, with a new id: nobody may take it for the old one, which had
// promised things.
type homes struct {
	stores   map[uint64]uint64 // by machine
	machines map[uint64]uint64 // by store; none of a store that was erased
	erased   map[uint64]int    // how often a machine was, when its store got its id
	// lost are the stores that were erased, in that order.
	lost []uint64
}

func newHomes() homes {
	return homes{stores: map[uint64]uint64{}, machines: map[uint64]uint64{}, erased: map[uint64]int{}}
}

// home returns the id of the store on the machine of env, which starts.
// ok is false if there is no id for it now.
func (y *System) home(env *sim.Env) (id uint64, ok bool) {
	h := &y.homes
	id, known := h.stores[env.ID]
	switch {
	case !known:
		id = env.ID
	case env.Erased > h.erased[env.ID]:
		all, ok := y.newIDs(1)
		if !ok {
			return 0, false
		}
		id = all[0]
	}
	h.stores[env.ID], h.machines[id], h.erased[env.ID] = id, env.ID, env.Erased
	return id, true
}

// lose notes that the disks of a machine are gone, and returns which store that was.
func (h *homes) lose(machine uint64) uint64 {
	store := h.stores[machine]
	delete(h.machines, store)
	h.lost = append(h.lost, store)
	return store
}

// isLost reports whether a store was erased.
func (h *homes) isLost(store uint64) bool { return slices.Contains(h.lost, store) }

// machineOf returns the machine of a store, 0 if there is none.
func (y *System) machineOf(store uint64) uint64 { return y.homes.machines[store] }

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

// founders returns the stores that have a peer when the cluster begins, ascending.
func (y *System) founders() []uint64 {
	all := map[uint64]bool{}
	for _, r := range y.regions {
		for _, p := range r.Peers {
			all[p.StoreId] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// admitted reports whether an operator may place peers on a store. If there is a scheduler,
// it must know the store, because it refuses what it hears of a region with a peer on
// another one; and the store must not be about to leave, because a peer on a tombstone
// counts as dead.
func (y *System) admitted(store uint64) bool {
	m := y.manager()
	return m == nil || y.drained[y.machineOf(store)] <= m.env.Now() && (y.known[store] || slices.Contains(y.founders(), store))
}

// ids hands out ids of stores, regions and peers: they ascend, and none is used twice.
type ids struct{ last uint64 }

// use notes that an id is taken.
func (i *ids) use(id uint64) { i.last = max(i.last, id) }

func (i *ids) next() uint64 {
	i.last++
	return i.last
}

// takeStock notes which ids the cluster begins with.
func (y *System) takeStock(machines int) {
	y.ids.use(uint64(machines))
	for _, r := range y.regions {
		y.ids.use(r.Id)
		for _, p := range r.Peers {
			y.ids.use(p.Id)
		}
	}
}

// Spread returns regions that are divided by bounds, for Options.Regions: one more than
// there are bounds. Each has replicas on that many of the stores, which it takes in turn.
func Spread(replicas int, bounds ...string) func(stores []uint64) []*metapb.Region {
	return func(stores []uint64) []*metapb.Region {
		if replicas > len(stores) {
			panic(fmt.Sprintf("storesim: %d replicas need more than %d stores", replicas, len(stores)))
		}
		var regions []*metapb.Region
		for i := range len(bounds) + 1 {
			r := &metapb.Region{Id: uint64(i) + 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}}
			if i > 0 {
				r.StartKey = []byte(bounds[i-1])
			}
			if i < len(bounds) {
				r.EndKey = []byte(bounds[i])
			}
			for j := range replicas {
				store := stores[(i+j)%len(stores)]
				r.Peers = append(r.Peers, &metapb.Peer{Id: 100*r.Id + store, StoreId: store})
			}
			regions = append(regions, r)
		}
		return regions
	}
}

// Encoded returns keys of transactions as they are in the key space of regions, as bounds
// for Spread.
func Encoded(keys ...string) []string {
	var all []string
	for _, key := range keys {
		all = append(all, string(transaction.EncodeKey([]byte(key))))
	}
	return all
}

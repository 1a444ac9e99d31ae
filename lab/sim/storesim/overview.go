package storesim

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/raft"
)

// living returns the stores that run, by machine ascending.
func (y *System) living() []*store {
	var all []*store
	for _, id := range slices.Sorted(maps.Keys(y.stores)) {
		if s := y.stores[id]; !s.dead() && s.Store != nil {
			all = append(all, s)
		}
	}
	return all
}

// overview returns the regions as the latest of the stores that run has them, in the order
// of their keys. It is what an operator sees: a store that is down may know better.
func (y *System) overview() []*metapb.Region {
	latest := map[uint64]*metapb.Region{}
	for _, s := range y.living() {
		for _, state := range s.data.records() {
			if isHere(state) && newer(state.Region, latest[state.Region.Id]) {
				latest[state.Region.Id] = state.Region
			}
		}
	}
	return slices.SortedFunc(maps.Values(latest), func(a, b *metapb.Region) int {
		return cmp.Or(bytes.Compare(a.StartKey, b.StartKey), cmp.Compare(a.Id, b.Id))
	})
}

// leaderOf returns the store that leads a region in the highest term, and the region as it
// has applied it, or nil.
func (y *System) leaderOf(id uint64) (leader *store, r *metapb.Region) {
	var term uint64
	for _, s := range y.living() {
		st, ok := s.Status(id)
		if !ok || st.RaftState != raft.StateLeader || st.Term <= term {
			continue
		}
		if state := s.data.state(id); isHere(state) {
			leader, r, term = s, state.Region, st.Term
		}
	}
	return leader, r
}

// Suffices implements sim.Quorate: each region must have a majority on the machines, also
// without a member whose removal may be under way, or whom the scheduler may take for dead
// because its store is about to leave. While members change, no more than one store may be
// missing: a region of three that has lost one may get its fourth, and a region of one its
// second, on another store that is missing, before anybody knows that it is. A store that
// has lost its disks is missing, too, and while members change it may become the next
// member of any region: an order to add it may be on its way. And members that have not heard of a removal yet count
// a peer that may have left already.
func (y *System) Suffices(well []uint64) bool {
	changes := len(y.managers)+len(y.operations) > 0
	if changes && len(well) < len(y.stores)-1 {
		return false
	}
	if changes && len(y.homes.lost) > 0 && len(well) < len(y.stores) {
		return false
	}
	for _, r := range y.overview() {
		without := []uint64{0}
		for _, p := range r.Peers {
			if y.homes.isLost(p.StoreId) && len(well) < len(y.stores) {
				return false
			}
			if y.retired[p.StoreId] {
				without = append(without, p.Id)
			}
		}
		for _, op := range y.operations {
			for _, c := range op.changes {
				if c.mayHappen(r) {
					without = append(without, c.removes)
				}
			}
		}
		if slices.ContainsFunc(without, func(peer uint64) bool { return !suffices(y, r, well, peer) }) {
			return false
		}
		if changes && len(r.Peers) == 1 && len(well) < len(y.stores) {
			return false
		}
		for _, p := range r.Peers {
			s := y.stores[y.machineOf(p.StoreId)]
			if s == nil || !slices.Contains(well, s.env.ID) {
				continue
			}
			if state := s.data.state(r.Id); isHere(state) && !suffices(y, state.Region, well, 0) {
				return false
			}
		}
	}
	return true
}

// suffices reports whether a majority of the members of r, without one of them, is on
// machines that are well, and has not left.
func suffices(y *System, r *metapb.Region, well []uint64, without uint64) bool {
	n, all := 0, 0
	for _, p := range r.Peers {
		if p.Id == without {
			continue
		}
		all++
		machine := y.machineOf(p.StoreId)
		if slices.Contains(well, machine) && !y.stores[machine].hasBuried(r.Id, p.Id) {
			n++
		}
	}
	return 2*n > all
}

// changing reports whether the members of a region may still change as op wants it.
func (op *operation) changing(all []*metapb.Region) bool {
	return slices.ContainsFunc(op.changes, func(c *change) bool { return slices.ContainsFunc(all, c.mayHappen) })
}

// MayErase implements sim.Operator. A machine may lose its disks if each region that has a
// peer there can do without it: it has at least two other ones, all of which run and have
// the region as it is now, its leader does not wait for anything, and nobody is about to
// change it. One machine may at a time, and none while a store is about to leave the cluster:
// if nothing was heard of that for a while, the scheduler takes its peers for dead, too.
func (y *System) MayErase(machine uint64) bool {
	all := y.overview()
	for _, op := range y.operations {
		if op.at != nil && !op.at.dead() || op.changing(all) {
			return false
		}
	}
	if m := y.manager(); m != nil && !(m.env.Alive() && m.err == nil && m.env.Now() >= y.twin.until && len(m.core.Status().Operators) == 0) {
		return false // an order may be on its way
	}
	erased := y.homes.stores[machine]
	for _, r := range all {
		for _, p := range r.Peers {
			if y.homes.isLost(p.StoreId) || y.retired[p.StoreId] {
				return false
			}
		}
		if region.PeerOn(r, erased) == nil {
			continue
		}
		leader, now := y.leaderOf(r.Id)
		if leader == nil || compareEpochs(now, r) != 0 || len(r.Peers) < 3 {
			return false
		}
		if st, _ := leader.Status(r.Id); st.Busy || st.Applied < st.LastIndex {
			return false
		}
		for _, p := range r.Peers {
			s := y.stores[y.machineOf(p.StoreId)]
			if s == nil || s.dead() {
				return false
			}
			if state := s.data.state(r.Id); !isHere(state) || compareEpochs(state.Region, r) != 0 {
				return false
			}
		}
	}
	return true
}

var (
	_ sim.Quorate  = (*System)(nil)
	_ sim.Operator = (*System)(nil)
)

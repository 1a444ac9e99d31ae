package storesim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/raft"
)

// A seat is a peer as it is found when the system should be settled.
type seat struct {
	store  *store
	peer   uint64
	status raftstore.Status
	// region is the region as the peer has applied it, nil if it has no data.
	region *metapb.Region
}

// Unsettled implements sim.System.
func (y *System) Unsettled(live []sim.Process) string {
	var stores []*store
	for _, p := range live {
		if s, ok := p.(*store); ok {
			stores = append(stores, s)
		}
	}
	if y.healed == 0 {
		y.healed = stores[0].env.Now()
	}
	for _, s := range stores {
		if n, oldest := s.answers.Open(); n > 0 {
			return oldest + " waits for an answer"
		}
	}
	groups := map[uint64][]seat{}
	for _, s := range stores {
		for _, id := range s.Peers() {
			st, _ := s.Status(id)
			if st.Busy {
				return fmt.Sprintf("%v has not finished what it is doing", s)
			}
			at := seat{store: s, peer: st.ID, status: st}
			if state := s.data.state(id); isHere(state) {
				at.region = state.Region
			}
			groups[id] = append(groups[id], at)
		}
	}
	var regions []*metapb.Region
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		now := latest(groups[id])
		if now == nil {
			return fmt.Sprintf("no peer of region %d has data", id)
		}
		if what := y.unsettled(now, groups[id]); what != "" {
			return what
		}
		regions = append(regions, now)
	}
	if err := check.Covered(regions); err != nil {
		return err.Error()
	}
	if what := y.unretired(stores); what != "" {
		return what
	}
	if y.opts.Balanced {
		if what := y.unbalanced(stores, regions); what != "" {
			return what
		}
	}
	for _, s := range stores {
		if at, found := s.data.stray(); found {
			return fmt.Sprintf("%v has key %q of family %s, but no peer of a region with that key", s, at.key, at.cf)
		}
		if id, found := s.strayLog(); found {
			return fmt.Sprintf("%v has no peer of region %d, but its raft engine still has entries of its log", s, id)
		}
	}
	if err := y.kept.violation(); err != nil {
		y.leaks.bad = err.(*check.Violation)
	}
	return y.leaks.look(y, stores)
}

// strayLog returns a region of which the store has no peer, but entries in its raft
// engine, and whether there is one. What a peer without data has promised may stay after
// a crash: a later peer of the region may have promised it.
func (s *store) strayLog() (region uint64, found bool) {
	logged, err := raftstore.LoggedRegions(s.log)
	if err != nil {
		return 0, false // the disk is gone
	}
	here := s.Peers()
	i := slices.IndexFunc(logged, func(id uint64) bool { return !slices.Contains(here, id) })
	if i < 0 {
		return 0, false
	}
	return logged[i], true
}

// latest returns the newest version of a region that any of its peers has, or nil.
func latest(seats []seat) *metapb.Region {
	var now *metapb.Region
	for _, at := range seats {
		if now == nil || newer(at.region, now) {
			now = at.region
		}
	}
	return now
}

// newer reports whether a is a later version than b of one region.
func newer(a, b *metapb.Region) bool { return compareEpochs(a, b) > 0 }

func compareEpochs(a, b *metapb.Region) int {
	x, y := a.GetRegionEpoch(), b.GetRegionEpoch()
	return cmp.Or(cmp.Compare(x.GetVersion(), y.GetVersion()), cmp.Compare(x.GetConfVer(), y.GetConfVer()))
}

// unsettled says in what a region has not recovered yet, or "": each member is there,
// nobody else is, one leads, and all are equal.
func (y *System) unsettled(now *metapb.Region, seats []seat) string {
	for _, at := range seats {
		switch member := region.Peer(now, at.peer); {
		case member == nil:
			return fmt.Sprintf("%v still has peer %d of region %d, which is not a member", at.store, at.peer, now.Id)
		case member.StoreId != at.store.id:
			return fmt.Sprintf("%v has peer %d of region %d, which belongs on store %d", at.store, at.peer, now.Id, member.StoreId)
		}
	}
	if n := len(now.Peers); y.opts.Replicas > 0 && n != int(y.opts.Replicas) {
		return fmt.Sprintf("region %d has %d peers instead of %d", now.Id, n, y.opts.Replicas)
	}
	for _, p := range now.Peers {
		if !slices.ContainsFunc(seats, func(at seat) bool { return at.peer == p.Id }) {
			return fmt.Sprintf("store %d has no peer of region %d", p.StoreId, now.Id)
		}
	}
	leaders := 0
	first := seats[0]
	for _, at := range seats {
		st := at.status
		if st.RaftState == raft.StateLeader {
			leaders++
		}
		switch {
		case st.Applied != first.status.Applied:
			return fmt.Sprintf("%v has applied up to index %d of region %d, %v up to %d", at.store, st.Applied, now.Id, first.store, first.status.Applied)
		case at.region == nil || compareEpochs(at.region, now) != 0:
			return fmt.Sprintf("%v does not have region %d as it is now", at.store, now.Id)
		case at.store.data.total(now.Id) != first.store.data.total(now.Id):
			return fmt.Sprintf("the data of region %d on %v and on %v differ", now.Id, at.store, first.store)
		}
		if n := st.LastIndex + 1 - st.FirstIndex; y.opts.SettledLog > 0 && n > y.opts.SettledLog {
			return fmt.Sprintf("the log of %v still has %d entries, all applied, of which it should keep %d", at.store, n, y.opts.MaxLogEntries)
		}
	}
	if leaders != 1 {
		return fmt.Sprintf("%d stores lead region %d", leaders, now.Id)
	}
	return ""
}

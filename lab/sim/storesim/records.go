package storesim

import (
	"slices"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// found is told, when an incarnation begins, what its disk holds.
func (s *store) found() error {
	s.system.members.Start(s.id)
	var all []check.Holding
	for _, state := range s.data.records() {
		all = append(all, holding(state))
	}
	return s.system.ranges.Start(s.id, all...)
}

// wrote is told of each batch that is written to the data of the store, and of the
// records of regions in it, in the order in which they are.
func (s *store) wrote(b *engine.Batch, states []*raftserverpb.RegionState) {
	var changed []check.Holding
	for i, state := range states {
		id := state.Region.Id
		old := s.data.states[id]
		if !laterOne(states[i+1:], id) && (old == nil || !sameRecord(old, state)) {
			changed = append(changed, holding(state))
		}
		if old.GetRestoring() != nil && state.Restoring == nil && !state.Tombstone {
			s.env.Reach(SnapshotInstalled)
		}
		if state.Tombstone && !old.GetTombstone() {
			s.system.members.Gone(s.replica(id, s.peerOf(state)))
		}
		s.reached(old, state)
	}
	if len(changed) > 0 {
		s.note(s.system.ranges.Observe(s.id, changed...))
	}
	s.tellApplied(b)
}

// reached notes what has happened to a region.
func (s *store) reached(old, now *raftserverpb.RegionState) {
	a, b := old.GetRegion().GetRegionEpoch(), now.Region.RegionEpoch
	switch {
	case now.Tombstone && !old.GetTombstone():
		s.env.Reach(PeerLeft)
	case !isHere(old) || !isHere(now) || old.Restoring != nil:
	case a.Version != b.Version && !sameKeys(old.Region, now.Region):
		s.env.Reach(RegionSplit)
	case a.ConfVer != b.ConfVer && len(now.Region.Peers) > len(old.Region.Peers):
		s.env.Reach(MemberAdded)
	case a.ConfVer != b.ConfVer:
		s.env.Reach(MemberRemoved)
	}
}

// laterOne reports whether there is a record of a region in states: a batch may have
// several parts of one region.
func laterOne(states []*raftserverpb.RegionState, region uint64) bool {
	for _, state := range states {
		if state.Region.GetId() == region {
			return true
		}
	}
	return false
}

// sameRecord reports whether two records say the same of the region, though not of how
// far it was applied.
func sameRecord(a, b *raftserverpb.RegionState) bool {
	return a.Tombstone == b.Tombstone && (a.Restoring == nil) == (b.Restoring == nil) && sameKeys(a.Region, b.Region) &&
		a.Region.GetRegionEpoch().GetVersion() == b.Region.GetRegionEpoch().GetVersion() &&
		a.Region.GetRegionEpoch().GetConfVer() == b.Region.GetRegionEpoch().GetConfVer() &&
		slices.EqualFunc(a.Region.Peers, b.Region.Peers, func(p, q *metapb.Peer) bool { return p.Id == q.Id && p.StoreId == q.StoreId })
}

// synced is told whenever all that is in the data of the store is durable.
func (s *store) synced() { s.system.members.Synced(s.id) }

// peerOf returns the id of the peer that a record is about.
func (s *store) peerOf(state *raftserverpb.RegionState) uint64 {
	if state.PeerId != 0 {
		return state.PeerId
	}
	return region.PeerOn(state.Region, s.id).GetId()
}

// hasBuried reports whether the store has a record that a peer of a region has left it.
func (s *store) hasBuried(region, peer uint64) bool {
	if s == nil {
		return false
	}
	state := s.data.state(region)
	return state.GetTombstone() && s.peerOf(state) >= peer
}

// holding says what a record means for the keys of a store.
func holding(state *raftserverpb.RegionState) check.Holding {
	h := check.Holding{Region: state.Region, Gone: state.Tombstone}
	if state.Restoring != nil {
		if header, err := raftstore.ReadSnapshotHeader(state.Restoring); err == nil {
			h.Incoming = header.Region
		}
	}
	return h
}

// installing reports whether a record says that data are being replaced by a snapshot.
func (s *store) installing() bool {
	for _, state := range s.data.states {
		if state.Restoring != nil {
			return true
		}
	}
	return false
}

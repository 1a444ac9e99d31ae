package status

import (
	"cmp"
	"encoding/hex"
	"slices"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// lagging is how many entries a peer may have applied less than another one without
// being called behind. Each answers for a moment of its own, so a small difference says
// nothing.
const lagging = 2000

// A candidate is what is known of one region.
type candidate struct {
	region *metapb.Region
	leader uint64 // store
	led    uint64 // the term in which it leads
	term   uint64 // the latest that was heard of
	size   uint64
	// reports are what peers say, by store.
	reports map[uint64]*raftserverpb.PeerStatus
}

// regionsOf puts together what stores say of their peers, by store, and what the
// scheduler knows of regions of which no store says anything. answers reports whether
// a store answers.
func regionsOf(stores map[uint64]*raftserverpb.StoreStatus, known []*metapb.Region, answers func(store uint64) bool) []Region {
	all := map[uint64]*candidate{}
	for id, s := range stores {
		for _, p := range s.Peers {
			if p.GetRegion().GetRegionEpoch() == nil {
				continue // it has no data yet, and does not know its region
			}
			c := all[p.Region.Id]
			if c == nil {
				c = &candidate{region: p.Region, reports: map[uint64]*raftserverpb.PeerStatus{}}
				all[p.Region.Id] = c
			}
			c.reports[id] = p
			if newer(p.Region, c.region) {
				c.region = p.Region
			}
			leads := p.Role == raftserverpb.PeerStatus_LEADER
			switch {
			case leads && (c.leader == 0 || p.Term > c.led):
				c.leader, c.led, c.size = id, p.Term, p.ApproximateSize
			case c.leader == 0:
				c.size = max(c.size, p.ApproximateSize)
			}
			c.term = max(c.term, p.Term)
		}
	}
	for _, r := range known {
		if all[r.GetId()] == nil {
			all[r.GetId()] = &candidate{region: r}
		}
	}
	var regions []Region
	for _, c := range apart(all) {
		regions = append(regions, c.describe(answers))
	}
	return regions
}

// newer reports whether the epoch of a is later than that of b.
func newer(a, b *metapb.Region) bool {
	x, y := a.GetRegionEpoch(), b.GetRegionEpoch()
	return cmp.Or(cmp.Compare(x.GetVersion(), y.GetVersion()), cmp.Compare(x.GetConfVer(), y.GetConfVer())) > 0
}

// apart returns regions in the order of their keys. Of two that overlap, one was heard
// of before a split and the other one after it: the later version stays.
func apart(all map[uint64]*candidate) []*candidate {
	var sorted []*candidate
	for _, c := range all {
		sorted = append(sorted, c)
	}
	slices.SortFunc(sorted, func(a, b *candidate) int {
		return cmp.Or(slices.Compare(a.region.GetStartKey(), b.region.GetStartKey()), cmp.Compare(a.region.GetId(), b.region.GetId()))
	})
	var kept []*candidate
next:
	for _, c := range sorted {
		for len(kept) > 0 {
			last := kept[len(kept)-1].region
			if end := last.GetEndKey(); len(end) > 0 && slices.Compare(end, c.region.GetStartKey()) <= 0 {
				break
			}
			if !newer(c.region, last) {
				continue next
			}
			kept = kept[:len(kept)-1]
		}
		kept = append(kept, c)
	}
	return kept
}

func (c *candidate) describe(answers func(store uint64) bool) Region {
	r := Region{
		ID:      c.region.GetId(),
		Start:   hex.EncodeToString(c.region.GetStartKey()),
		End:     hex.EncodeToString(c.region.GetEndKey()),
		ConfVer: c.region.GetRegionEpoch().GetConfVer(),
		Version: c.region.GetRegionEpoch().GetVersion(),
		Term:    c.term,
		Leader:  c.leader,
		Size:    c.size,
		Peers:   []Peer{},
	}
	applied := uint64(0)
	for _, p := range c.reports {
		applied = max(applied, p.Applied)
	}
	for _, p := range c.region.GetPeers() {
		state, report := PeerOK, c.reports[p.GetStoreId()]
		switch {
		case !answers(p.GetStoreId()):
			state = PeerDown
		case report == nil || report.PeerId != p.GetId():
			state = PeerNew
		case report.InstallingSnapshot:
			state = PeerInstalling
		case report.Applied+lagging < applied:
			state = PeerBehind
		}
		r.Peers = append(r.Peers, Peer{ID: p.GetId(), Store: p.GetStoreId(), State: state})
	}
	slices.SortFunc(r.Peers, func(a, b Peer) int { return cmp.Compare(a.Store, b.Store) })
	return r
}

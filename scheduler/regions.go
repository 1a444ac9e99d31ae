package scheduler

import (
	"bytes"
	"time"

	"github.com/tidwall/btree"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// A regionInfo is what the scheduler knows of one region. It is replaced, never
// changed, but for quiet.
type regionInfo struct {
	meta *metapb.Region

	// The rest comes from heartbeats and is not durable. leader is nil as long
	// as no heartbeat has come since the scheduler was opened.
	leader  *metapb.Peer
	pending []*metapb.Peer // members that are far behind
	size    uint64         // bytes, estimated
	term    uint64         // the leader's; 0 if not known

	quiet time.Duration // the uptime until which balancers leave the region alone
}

// isPending reports whether a peer is far behind.
func (r *regionInfo) isPending(peerID uint64) bool {
	for _, p := range r.pending {
		if p.Id == peerID {
			return true
		}
	}
	return false
}

// weight is the size of the region as balancers see it: an empty region counts
// as one byte, so that a cluster without data is balanced by count.
func (r *regionInfo) weight() int64 { return int64(max(r.size, 1)) }

// A regions holds the regions of the cluster. At no time do two of them overlap.
type regions struct {
	byID   map[uint64]*regionInfo
	byKey  region.Map
	stores map[uint64]*holding // by store
}

func newRegions() regions {
	return regions{byID: map[uint64]*regionInfo{}, stores: map[uint64]*holding{}}
}

// A holding is what one store has of the regions.
type holding struct {
	peers   btree.Map[uint64, *regionInfo] // by the ids of the regions
	leaders int
	pending int    // peers that are far behind
	weight  int64  // of all peers
	size    uint64 // of all peers
}

func (t *regions) len() int { return len(t.byID) }

// on returns what a store has. It belongs to t.
func (t *regions) on(storeID uint64) *holding {
	h := t.stores[storeID]
	if h == nil {
		h = &holding{}
		t.stores[storeID] = h
	}
	return h
}

// check decides about a heartbeat that reports r, which is well-formed. It
// returns the regions that r takes the place of because they overlap it: not the
// earlier version of r itself. It returns a refusal, and r must not be put, if
//   - the same region is known with a greater version or a greater conf_ver;
//   - the same region is known with the same epoch, but with other keys or peers:
//     an epoch names one range and one set of members;
//   - the same region is known with the same epoch, led in a later term (where
//     both terms are known);
//   - a region that overlaps r is known with a greater version. Every split makes
//     the versions of both halves greater, so of two regions that have held one
//     key the one with the greater version has it now.
//
// check changes nothing.
//
//lab:implement 3C
func (t *regions) check(r *regionInfo) (replaced []*regionInfo, err error) {
	epoch := r.meta.RegionEpoch
	if old := t.byID[r.meta.Id]; old != nil {
		known := old.meta.RegionEpoch
		switch {
		case epoch.Version < known.Version || epoch.ConfVer < known.ConfVer:
			return nil, refuse("region %d is known at version %d, conf_ver %d: a heartbeat of version %d, conf_ver %d is stale",
				r.meta.Id, known.Version, known.ConfVer, epoch.Version, epoch.ConfVer)
		case sameEpoch(epoch, known) && !sameRegion(r.meta, old.meta):
			return nil, refuse("region %d has two descriptions of version %d, conf_ver %d", r.meta.Id, epoch.Version, epoch.ConfVer)
		case sameEpoch(epoch, known) && r.term > 0 && r.term < old.term:
			return nil, refuse("region %d has a leader of term %d: a heartbeat of term %d is stale", r.meta.Id, old.term, r.term)
		}
	}
	for _, other := range t.byKey.Overlapping(region.Range(r.meta)) {
		switch {
		case other.Id == r.meta.Id:
		case other.RegionEpoch.Version > epoch.Version:
			return nil, refuse("region %d of version %d overlaps region %d of version %d: the heartbeat is stale",
				r.meta.Id, epoch.Version, other.Id, other.RegionEpoch.Version)
		default:
			replaced = append(replaced, t.byID[other.Id])
		}
	}
	return replaced, nil
}

// put makes r known, in the place of its earlier version and of all regions that
// overlap it. byID, byKey and stores change together, as in remove.
//
//lab:implement 3C
func (t *regions) put(r *regionInfo) {
	if old := t.byID[r.meta.Id]; old != nil {
		t.remove(old)
	}
	for _, other := range t.byKey.Overlapping(region.Range(r.meta)) {
		t.remove(t.byID[other.Id])
	}
	t.byID[r.meta.Id] = r
	t.byKey.Insert(r.meta)
	for _, p := range r.meta.Peers {
		h := t.on(p.StoreId)
		h.peers.Set(r.meta.Id, r)
		h.weight += r.weight()
		h.size += r.size
		if p.Id == r.leader.GetId() {
			h.leaders++
		}
		if r.isPending(p.Id) {
			h.pending++
		}
	}
}

// remove makes r unknown.
func (t *regions) remove(r *regionInfo) {
	delete(t.byID, r.meta.Id)
	t.byKey.Remove(r.meta)
	for _, p := range r.meta.Peers {
		h := t.on(p.StoreId)
		h.peers.Delete(r.meta.Id)
		h.weight -= r.weight()
		h.size -= r.size
		if p.Id == r.leader.GetId() {
			h.leaders--
		}
		if r.isPending(p.Id) {
			h.pending--
		}
	}
}

// whole reports whether the known regions cover all keys.
func (t *regions) whole() bool {
	var end []byte
	for r := range t.byKey.All() {
		if !bytes.Equal(r.StartKey, end) {
			return false
		}
		end = r.EndKey
	}
	return t.len() > 0 && len(end) == 0
}

// heard reports whether all regions have sent a heartbeat since Open.
func (t *regions) heard() bool {
	for _, r := range t.byID {
		if r.leader == nil {
			return false
		}
	}
	return true
}

// sameRegion reports whether a and b have the same keys and the same members, in
// any order.
func sameRegion(a, b *metapb.Region) bool {
	return bytes.Equal(a.StartKey, b.StartKey) && bytes.Equal(a.EndKey, b.EndKey) &&
		len(a.Peers) == len(b.Peers) && includes(a, b)
}

func sameEpoch(a, b *metapb.RegionEpoch) bool {
	return a.GetVersion() == b.GetVersion() && a.GetConfVer() == b.GetConfVer()
}

package raftstore

import (
	"bytes"
	"slices"
	"sync"

	"github.com/pingcap/errors"
	"github.com/tidwall/btree"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// A directory knows what a store has: its peers, the ranges of keys that are taken, and
// which peers are gone for good. It changes in passes only, by what applied entries
// bring about and by the lobby.
//
// Ranges that are taken never overlap: a key of two regions could be written by one
// group and read by the other, and the end of one region would delete the data of the
// other. A range is taken from before its first key is written until after its last key
// is deleted.
type directory struct {
	mu   sync.RWMutex
	byID btree.Map[uint64, *peer]
	// taken are the regions of peers, those of snapshots that are being installed, and
	// those whose data are being deleted.
	taken region.Map
	// deleting are the ids of the last of these.
	deleting map[uint64]bool
	// buried is, for a region, the latest of its peers on this store that was removed.
	// Neither that peer nor an earlier one ever comes back.
	buried map[uint64]uint64
	// expected are the ids of regions that a split is about to create here, until their
	// peers have their data.
	expected map[uint64]bool
	// ending are the ids of regions whose peer is being removed.
	ending map[uint64]bool
}

func newDirectory() *directory {
	return &directory{deleting: map[uint64]bool{}, buried: map[uint64]uint64{}, expected: map[uint64]bool{}, ending: map[uint64]bool{}}
}

// peer returns the peer of a region, or nil.
func (d *directory) peer(regionID uint64) *peer {
	d.mu.RLock()
	defer d.mu.RUnlock()
	p, _ := d.byID.Get(regionID)
	return p
}

// all returns the peers in the order of their regions' ids.
func (d *directory) all() []*peer {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.byID.Values()
}

// ids returns the ids of the peers' regions, in the order of their keys. Those of which
// no data are here come last.
func (d *directory) ids() []uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var ids []uint64
	for r := range d.taken.All() {
		if _, ok := d.byID.Get(r.Id); ok {
			ids = append(ids, r.Id)
		}
	}
	if len(ids) == d.byID.Len() {
		return ids
	}
	sorted := slices.Sorted(slices.Values(ids))
	d.byID.Scan(func(id uint64, _ *peer) bool {
		if _, found := slices.BinarySearch(sorted, id); !found {
			ids = append(ids, id)
		}
		return true
	})
	return ids
}

// following returns up to n regions of which peers are here, and which follow r and each
// other without a gap.
func (d *directory) following(r *metapb.Region, n int) []*metapb.Region {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var found []*metapb.Region
	for ; n > 0 && len(r.EndKey) > 0; n-- {
		next := d.taken.At(r.EndKey)
		if next == nil || !bytes.Equal(next.StartKey, r.EndKey) {
			break
		}
		if _, ok := d.byID.Get(next.Id); !ok {
			break
		}
		found = append(found, next)
		r = next
	}
	return found
}

// count returns the number of peers.
func (d *directory) count() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.byID.Len()
}

// add adds a peer. It returns an error, and changes nothing, if the peer's
// region overlaps another one.
func (d *directory) add(p *peer) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := p.region()
	if p.isInitialized() {
		if others := d.taken.Overlapping(region.Range(r)); len(others) > 0 {
			return errors.Errorf("region %d overlaps region %d", r.Id, others[0].Id)
		}
		d.taken.Insert(r)
	}
	d.byID.Set(r.Id, p)
	return nil
}

// put adds the peer of a region whose range is taken already.
func (d *directory) put(p *peer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.expected, p.region().Id)
	d.byID.Set(p.region().Id, p)
}

// bury notes that a peer of a region, and every earlier one, is gone for good.
func (d *directory) bury(regionID, peerID uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buryLocked(regionID, peerID)
}

func (d *directory) buryLocked(regionID, peerID uint64) {
	d.buried[regionID] = max(d.buried[regionID], peerID)
}

// buryAbsent notes that a peer of a region that has none here is gone for good, if write,
// which writes the tombstone, reports that it is written. It does nothing if the peer is
// buried already, or if the record of the region is somebody else's: of a peer, or of a
// split.
func (d *directory) buryAbsent(regionID, peerID uint64, write func() bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, here := d.byID.Get(regionID)
	if here || d.expected[regionID] || d.deleting[regionID] || peerID <= d.buried[regionID] {
		return
	}
	if write() {
		d.buryLocked(regionID, peerID)
	}
}

// leave notes that the peer of a region is being removed: no split can give it data any
// more.
func (d *directory) leave(regionID uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ending[regionID] = true
}

// isSplitOff reports whether a split is about to give a region its data here, or has
// them deleted. Then the record of the region is the split's.
func (d *directory) isSplitOff(regionID uint64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.expected[regionID] || d.deleting[regionID]
}

// remove removes p, whose range was that of r. It and every earlier peer of the region
// are gone for good.
func (d *directory) remove(p *peer, r *metapb.Region) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byID.Delete(r.Id)
	d.buryLocked(r.Id, p.id)
	delete(d.expected, r.Id)
	delete(d.ending, r.Id)
	d.freeLocked(r)
}

// freeLocked ends that the range of r is taken, if r has one.
func (d *directory) freeLocked(r *metapb.Region) {
	if r.RegionEpoch == nil {
		return
	}
	if at := d.taken.At(r.StartKey); at.GetId() == r.Id {
		d.taken.Remove(at)
	}
}

// claim takes the range of r for p, which is about to install a snapshot of it, and
// reports whether it can be had. What p has had so far stays taken, too.
func (d *directory) claim(p *peer, r *metapb.Region) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.deleting[r.Id] || d.expected[r.Id] {
		return false
	}
	for _, other := range d.taken.Overlapping(region.Range(r)) {
		if other.Id != r.Id {
			return false
		}
	}
	if !p.isInitialized() {
		d.taken.Insert(r)
	}
	return true
}

// release ends the claim of p to r, which was not installed.
func (d *directory) release(p *peer, r *metapb.Region) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !p.isInitialized() {
		d.freeLocked(r)
	}
}

// moved notes that the region of a peer was old and is r now.
func (d *directory) moved(old, r *metapb.Region) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.expected, r.Id)
	d.freeLocked(old)
	d.taken.Insert(r)
}

// expect reports whether the peer here of a region that a split creates can be born:
// unless it was removed before. Until it has its data, or they are deleted, nobody else
// creates a peer of the region, or writes its record.
func (d *directory) expect(regionID, peerID uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, _ := d.byID.Get(regionID)
	if peerID <= d.buried[regionID] || d.ending[regionID] || p != nil && p.id != peerID {
		delete(d.expected, regionID) // by an earlier attempt, which a full disk has undone
		d.deleting[regionID] = true
		return false
	}
	d.expected[regionID] = true
	return true
}

// forget ends what expect has begun: the split does not come about.
func (d *directory) forget(regionID uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.expected, regionID)
	delete(d.deleting, regionID)
}

// lastBuried returns the latest peer of a region that is gone for good, which is peerID
// at least.
func (d *directory) lastBuried(regionID, peerID uint64) uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return max(peerID, d.buried[regionID])
}

// split makes two taken ranges of one. Of the right half, the data are deleted if its
// peer is not born.
func (d *directory) split(left, right *metapb.Region, born bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.taken.Insert(left) // instead of the whole
	d.taken.Insert(right)
	if !born {
		d.deleting[right.Id] = true
	}
}

// deleted notes that the data of r, which had no peer, are deleted.
func (d *directory) deleted(r *metapb.Region) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.deleting, r.Id)
	d.freeLocked(r)
}

// An admission says whether a message may create the peer that it is for.
type admission int

const (
	admitted admission = iota
	early              // another region still has its range: not yet
	gone               // it was removed
)

// admit says whether the peer of a region whose range is r may be created.
func (d *directory) admit(r *metapb.Region, peerID uint64) admission {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.admitLocked(r, peerID)
}

// enter adds a peer that was created for a message, and has no data, unless it can no
// longer be admitted.
func (d *directory) enter(p *peer, r *metapb.Region) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, here := d.byID.Get(r.Id); here || d.admitLocked(r, p.id) != admitted {
		return false
	}
	d.byID.Set(r.Id, p)
	return true
}

func (d *directory) admitLocked(r *metapb.Region, peerID uint64) admission {
	switch {
	case peerID <= d.buried[r.Id]:
		return gone
	case d.expected[r.Id] || d.deleting[r.Id]:
		return early
	}
	for _, other := range d.taken.Overlapping(region.Range(r)) {
		if other.Id != r.Id {
			return early
		}
	}
	return admitted
}

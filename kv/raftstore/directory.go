package raftstore

import (
	"sync"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/region"
)

// A directory holds the peers of a store. Their regions never overlap: a key of
// two regions could be written by one group and read by the other.
type directory struct {
	mu      sync.RWMutex
	byID    map[uint64]*peer
	regions region.Map
}

// peer returns the peer of a region, or nil.
func (d *directory) peer(regionID uint64) *peer {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.byID[regionID]
}

// all returns the peers in the order of their keys.
func (d *directory) all() []*peer {
	d.mu.RLock()
	defer d.mu.RUnlock()
	peers := make([]*peer, 0, len(d.byID))
	for r := range d.regions.All() {
		peers = append(peers, d.byID[r.Id])
	}
	return peers
}

// ids returns the ids of the peers' regions, in the order of their keys.
func (d *directory) ids() []uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	ids := make([]uint64, 0, len(d.byID))
	for r := range d.regions.All() {
		ids = append(ids, r.Id)
	}
	return ids
}

// add adds a peer. It returns an error, and changes nothing, if the peer's
// region overlaps another one.
func (d *directory) add(p *peer) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := p.region()
	if others := d.regions.Overlapping(region.Range(r)); len(others) > 0 {
		return errors.Errorf("region %d overlaps region %d", r.Id, others[0].Id)
	}
	if d.byID == nil {
		d.byID = map[uint64]*peer{}
	}
	d.byID[r.Id] = p
	d.regions.Insert(r)
	return nil
}

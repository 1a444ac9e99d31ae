// Package region says what a region is: a range of keys, a version of that
// range, and the peers that keep it. Stores, clients and the scheduler share
// it.
//
// A region's epoch counts its changes: version grows whenever its range changes
// (by a split), conf_ver whenever its members do. So a region's id and epoch
// name one range and one set of members: two regions with the same id and epoch
// are equal.
package region

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
)

// Range returns the keys of r. An empty end means that r ends with the last key
// there is.
func Range(r *metapb.Region) engine.Range {
	return engine.Range{Start: r.GetStartKey(), End: r.GetEndKey()}
}

// Peer returns the member of r with the id, or nil.
func Peer(r *metapb.Region, id uint64) *metapb.Peer {
	for _, p := range r.GetPeers() {
		if p.Id == id {
			return p
		}
	}
	return nil
}

// PeerOn returns the member of r on the store, or nil. A store has at most one.
func PeerOn(r *metapb.Region, storeID uint64) *metapb.Peer {
	for _, p := range r.GetPeers() {
		if p.StoreId == storeID {
			return p
		}
	}
	return nil
}

// Check returns an error if a request that was made for r at epoch, and touches
// keys, must be refused: an EpochNotMatch if the range has changed since, a
// KeyNotInRegion if a key is outside. A request without an epoch never fits.
//
// A store calls it twice for a write: before it proposes the write, so that the
// client learns of it soon, and before it applies the entry, because the region
// may have changed in between. Only the second decides, and it decides alike on
// every replica: the region at an entry's place in the log is the same
// everywhere.
func Check(r *metapb.Region, epoch *metapb.RegionEpoch, keys ...[]byte) error {
	if epoch == nil || epoch.Version != r.RegionEpoch.GetVersion() {
		return EpochNotMatch(r)
	}
	within := Range(r)
	for _, key := range keys {
		if !within.Contains(key) {
			return KeyNotInRegion(key, r)
		}
	}
	return nil
}

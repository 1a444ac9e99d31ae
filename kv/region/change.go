package region

import (
	"bytes"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
)

// CheckMembers returns an EpochNotMatch if a request that was made for r at epoch, and
// depends on the members of r, must be refused. Like Check it is called twice.
//
// A change of the members compares conf_ver alone: a split does not matter to it. A
// split depends on the range, and on the members, each of which gets a peer of the new
// region: it calls Check, too. So does a transfer of the leadership.
func CheckMembers(r *metapb.Region, epoch *metapb.RegionEpoch) error {
	if epoch == nil || epoch.ConfVer != r.RegionEpoch.GetConfVer() {
		return EpochNotMatch(r)
	}
	return nil
}

// Split returns the two halves of r. The left one keeps the id, the right one begins
// with key, and its peers are on the stores of the peers of r, with peerIDs in their
// order. Both are a version later than r. r itself does not change. The error is a
// *Error that says why r cannot be split like that.
func Split(r *metapb.Region, key []byte, id uint64, peerIDs []uint64) (left, right *metapb.Region, err error) {
	switch {
	case !Range(r).Contains(key):
		return nil, nil, KeyNotInRegion(key, r)
	case len(key) > engine.MaxKeySize:
		return nil, nil, Invalid(fmt.Sprintf("region %d cannot be split at a key of %d bytes: no key has more than %d", r.Id, len(key), engine.MaxKeySize))
	case bytes.Equal(key, r.StartKey):
		return nil, nil, Invalid(fmt.Sprintf("region %d begins with key %q: a split there leaves nothing on the left", r.Id, key))
	case id == 0 || id == r.Id || slices.Contains(peerIDs, 0):
		return nil, nil, Invalid(fmt.Sprintf("the right half of region %d cannot have the id %d, with peers %d", r.Id, id, peerIDs))
	case len(peerIDs) != len(r.Peers):
		return nil, nil, Invalid(fmt.Sprintf("region %d has %d peers, and its right half would have %d", r.Id, len(r.Peers), len(peerIDs)))
	}
	left, right = proto.CloneOf(r), proto.CloneOf(r)
	left.EndKey = slices.Clone(key)
	left.RegionEpoch.Version++
	right.Id, right.StartKey = id, slices.Clone(key)
	right.RegionEpoch.Version++
	for i, p := range right.Peers {
		p.Id = peerIDs[i]
	}
	return left, right, nil
}

// Add returns r with a further peer. r itself does not change. The error is a *Error.
func Add(r *metapb.Region, p *metapb.Peer) (*metapb.Region, error) {
	if p.GetId() == 0 || p.GetStoreId() == 0 {
		return nil, Invalid(fmt.Sprintf("a peer of region %d needs an id and a store, and has %d and %d", r.Id, p.GetId(), p.GetStoreId()))
	}
	for _, other := range r.Peers {
		if other.Id == p.Id || other.StoreId == p.StoreId {
			return nil, Invalid(fmt.Sprintf("region %d has peer %d on store %d already: peer %d on store %d cannot be added", r.Id, other.Id, other.StoreId, p.Id, p.StoreId))
		}
	}
	changed := proto.CloneOf(r)
	changed.Peers = append(changed.Peers, proto.CloneOf(p))
	changed.RegionEpoch.ConfVer++
	return changed, nil
}

// Remove returns r without one of its peers. r itself does not change. The error is a
// *Error.
func Remove(r *metapb.Region, p *metapb.Peer) (*metapb.Region, error) {
	if here := Peer(r, p.GetId()); here == nil || here.StoreId != p.GetStoreId() {
		return nil, Invalid(fmt.Sprintf("region %d has no peer %d on store %d that could be removed", r.Id, p.GetId(), p.GetStoreId()))
	}
	if len(r.Peers) == 1 {
		return nil, Invalid(fmt.Sprintf("peer %d is the only one of region %d", p.Id, r.Id))
	}
	changed := proto.CloneOf(r)
	changed.Peers = slices.DeleteFunc(changed.Peers, func(other *metapb.Peer) bool { return other.Id == p.Id })
	changed.RegionEpoch.ConfVer++
	return changed, nil
}

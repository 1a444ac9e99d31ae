package region

import (
	"fmt"

	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/metapb"
)

// An Error refuses a request that went to the wrong place, or came at the wrong
// time: to another store, to a peer that is not the leader, or with an outdated
// version of the region. The request had no effect and never will. Err says
// what to do instead; the client receives it unchanged.
type Error struct {
	Err *errorpb.Error // never nil
}

func (e *Error) Error() string { return "region error: " + e.Err.GetMessage() }

// RegionNotFound refuses a request for a region that has no peer on the store.
func RegionNotFound(regionID uint64) error {
	return &Error{&errorpb.Error{
		Message:        fmt.Sprintf("region %d is not on this store", regionID),
		RegionNotFound: &errorpb.RegionNotFound{RegionId: regionID},
	}}
}

// StoreNotMatch refuses a request for the store asked that came to the store
// actual.
func StoreNotMatch(asked, actual uint64) error {
	return &Error{&errorpb.Error{
		Message:       fmt.Sprintf("this is store %d, not %d", actual, asked),
		StoreNotMatch: &errorpb.StoreNotMatch{RequestStoreId: asked, ActualStoreId: actual},
	}}
}

// NotLeader refuses a request to a peer that is not the leader of its region.
// leader is the peer that leads, or nil if it is not known.
func NotLeader(regionID uint64, leader *metapb.Peer) error {
	return &Error{&errorpb.Error{
		Message:   fmt.Sprintf("the peer of region %d on this store is not its leader", regionID),
		NotLeader: &errorpb.NotLeader{RegionId: regionID, Leader: leader},
	}}
}

// Busy refuses a request that came to the right peer at the wrong time. The
// client may send it again, to the same peer, after a pause.
func Busy(reason string) error {
	return &Error{&errorpb.Error{
		Message:      reason,
		ServerIsBusy: &errorpb.ServerIsBusy{Reason: reason},
	}}
}

// Stale refuses a proposal whose place in the log went to another leader's
// entry, and a request that was made for the term of an earlier leader.
func Stale(regionID uint64) error {
	return &Error{&errorpb.Error{
		Message:      fmt.Sprintf("region %d has had another leader since", regionID),
		StaleCommand: &errorpb.StaleCommand{},
	}}
}

// Invalid refuses a request that makes no sense for the region, now or later.
func Invalid(reason string) error { return &Error{&errorpb.Error{Message: reason}} }

// EpochNotMatch refuses a request for an earlier version of a region, or one
// that names no version. current are the regions as they are now.
func EpochNotMatch(current ...*metapb.Region) error {
	epoch := current[0].GetRegionEpoch()
	return &Error{&errorpb.Error{
		Message:       fmt.Sprintf("region %d is now at version %d, its members at version %d", current[0].GetId(), epoch.GetVersion(), epoch.GetConfVer()),
		EpochNotMatch: &errorpb.EpochNotMatch{CurrentRegions: current},
	}}
}

// KeyNotInRegion refuses a request that touches a key outside r.
func KeyNotInRegion(key []byte, r *metapb.Region) error {
	return &Error{&errorpb.Error{
		Message: fmt.Sprintf("key %q is not in region %d", key, r.GetId()),
		KeyNotInRegion: &errorpb.KeyNotInRegion{
			Key: key, RegionId: r.GetId(), StartKey: r.GetStartKey(), EndKey: r.GetEndKey(),
		},
	}}
}

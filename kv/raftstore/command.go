package raftstore

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A Command is what a client wants of a region: Writes, which take effect
// together, or without any, a Snapshot to read from.
//
// Done is called exactly once, on the goroutine of a pass: it must not block. A
// write whose result has no error is durable on a majority and applied here, and
// a read sees every write that was acknowledged anywhere before the read was
// submitted. An error says that the command had no effect and never will have,
// except for ErrOutcomeUnknown. A
// *storage.RegionError says where the client should go instead.
type Command struct {
	// Context says which region the client means, and what it knows about it.
	Context *kvrpcpb.Context

	// Writes belong to the command from Submit on.
	Writes []*raftserverpb.Write

	Done func(Result)
}

// A Result answers a Command.
type Result struct {
	// Snapshot is what a read reads from. The receiver must close it.
	Snapshot engine.Snapshot
	Err      error
}

// ErrOutcomeUnknown answers a command that may have been applied, or may yet be:
// the store stopped while it had it, or has jumped over its place in the log with
// a snapshot of another leader.
var ErrOutcomeUnknown = errors.NewNoStackError("nobody here can tell whether the command was applied")

// ErrStopped answers a command that came after the store had stopped.
var ErrStopped = errors.NewNoStackError("store is stopped")

func errRegionNotFound(regionID uint64) error {
	return &storage.RegionError{Err: &errorpb.Error{
		Message:        errors.Errorf("region %d is not on this store", regionID).Error(),
		RegionNotFound: &errorpb.RegionNotFound{RegionId: regionID},
	}}
}

func errStoreNotMatch(asked, actual uint64) error {
	return &storage.RegionError{Err: &errorpb.Error{
		Message:       errors.Errorf("this is store %d, not %d", actual, asked).Error(),
		StoreNotMatch: &errorpb.StoreNotMatch{RequestStoreId: asked, ActualStoreId: actual},
	}}
}

// errNotLeader names the leader if it is known.
func errNotLeader(regionID uint64, leader *metapb.Peer) error {
	return &storage.RegionError{Err: &errorpb.Error{
		Message:   errors.Errorf("the peer of region %d on this store is not its leader", regionID).Error(),
		NotLeader: &errorpb.NotLeader{RegionId: regionID, Leader: leader},
	}}
}

// errStale answers a proposal whose place in the log was taken by another
// leader's entry, and a request of an earlier leader's term.
func errStale(regionID uint64) error {
	return &storage.RegionError{Err: &errorpb.Error{
		Message:      errors.Errorf("region %d has had another leader since", regionID).Error(),
		StaleCommand: &errorpb.StaleCommand{},
	}}
}

func errEpochNotMatch(region *metapb.Region) error {
	return &storage.RegionError{Err: &errorpb.Error{
		Message:       errors.Errorf("region %d has changed", region.Id).Error(),
		EpochNotMatch: &errorpb.EpochNotMatch{CurrentRegions: []*metapb.Region{region}},
	}}
}

func errKeyNotInRegion(key []byte, region *metapb.Region) error {
	return &storage.RegionError{Err: &errorpb.Error{
		Message: errors.Errorf("key %q is not in region %d", key, region.Id).Error(),
		KeyNotInRegion: &errorpb.KeyNotInRegion{
			Key: key, RegionId: region.Id, StartKey: region.StartKey, EndKey: region.EndKey,
		},
	}}
}

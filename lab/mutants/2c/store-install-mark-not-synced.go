//go:build mutant

// The mark that a snapshot is being installed is written without a sync. The
// log is on another engine, so its deletion may survive a crash that the mark
// does not.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (c *Config) markInstalling(old *raftserverpb.RegionState, snapshot *eraftpb.Snapshot) error {
	var b engine.Batch
	mark := proto.CloneOf(old)
	mark.Restoring = snapshot
	put(&b, cfMeta, stateKey(mark.Region.Id), mark)
	return c.KVEngine.Write(&b, false)
}

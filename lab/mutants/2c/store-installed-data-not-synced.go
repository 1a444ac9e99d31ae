//go:build mutant

// The last write of an installation is not synced. The snapshot is
// acknowledged, and its file removed, before its data are durable.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (c *Config) finishInstalling(header *raftserverpb.SnapshotHeader, meta *eraftpb.SnapshotMetadata, peerID uint64) (*raftserverpb.RegionState, error) {
	state := &raftserverpb.RegionState{Region: header.Region, PeerId: peerID, AppliedIndex: meta.Index, AppliedTerm: meta.Term}
	var b engine.Batch
	put(&b, cfMeta, stateKey(header.Region.Id), state)
	return state, c.KVEngine.Write(&b, false)
}

//go:build mutant

// The mark is removed in a batch of its own, before the one with the applied
// index.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (c *Config) finishInstalling(header *raftserverpb.SnapshotHeader, meta *eraftpb.SnapshotMetadata) (*raftserverpb.RegionState, error) {
	state := &raftserverpb.RegionState{Region: header.Region, AppliedIndex: meta.Index, AppliedTerm: meta.Term}
	var b engine.Batch
	put(&b, cfMeta, stateKey(header.Region.Id), &raftserverpb.RegionState{Region: header.Region})
	if err := c.KVEngine.Write(&b, true); err != nil {
		return nil, err
	}
	b.Reset()
	put(&b, cfMeta, stateKey(header.Region.Id), state)
	return state, c.KVEngine.Write(&b, true)
}

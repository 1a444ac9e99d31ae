//go:build mutant

// A restarting peer begins with an empty log behind what is applied, and does not
// read what it had saved. All that it had acknowledged or voted is forgotten.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func loadPeerStorage(raftEngine engine.Engine, applied *raftserverpb.RegionState) (*peerStorage, error) {
	return &peerStorage{
		regionID: applied.Region.Id,
		engine:   raftEngine,
		applied:  applied,
		state: &raftserverpb.RaftState{
			HardState:      &eraftpb.HardState{Term: applied.AppliedTerm, Commit: applied.AppliedIndex},
			LastIndex:      applied.AppliedIndex,
			TruncatedIndex: applied.AppliedIndex,
			TruncatedTerm:  applied.AppliedTerm,
		},
	}, nil
}

//go:build mutant

// A restarted peer begins with an empty log after the applied index, and does
// not read what it had saved. It forgets all that it acknowledged, and its
// vote.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func loadPeerStorage(raftEngine engine.Engine, applied *raftserverpb.RegionState) (*peerStorage, error) {
	s := &peerStorage{
		regionID: applied.Region.Id, engine: raftEngine, applied: applied,
		state: &raftserverpb.RaftState{HardState: &eraftpb.HardState{}},
	}
	s.resetLog(applied.AppliedIndex, applied.AppliedTerm)
	return s, nil
}

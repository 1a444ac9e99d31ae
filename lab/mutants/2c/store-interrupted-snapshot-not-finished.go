//go:build mutant

// After a crash between the new data and the new log, the peer starts with the data
// of the snapshot and the log of before: it is applied beyond its end.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func loadPeerStorage(raftEngine engine.Engine, applied *raftserverpb.RegionState) (*peerStorage, error) {
	s := &peerStorage{
		regionID: applied.Region.Id,
		engine:   raftEngine,
		state:    &raftserverpb.RaftState{HardState: &eraftpb.HardState{}},
		applied:  applied,
	}
	if err := load(raftEngine, cfRaft, stateKey(s.regionID), s.state); err != nil {
		return nil, err
	}
	if s.state.HardState == nil {
		s.state.HardState = &eraftpb.HardState{}
	}
	return s, nil
}

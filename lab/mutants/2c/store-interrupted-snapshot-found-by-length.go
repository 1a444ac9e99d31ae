//go:build mutant

// Whether a crash came between the new data and the new log is told by the log
// being too short for the data. But a log that a snapshot replaced may have been
// longer: then the old entries count as those behind the snapshot.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"math"

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
	if applied.AppliedIndex > s.state.LastIndex {
		if err := raftEngine.DeleteRange(cfRaft, logRange(s.regionID, 0, math.MaxUint64)); err != nil {
			return nil, err
		}
		s.resetLog(applied.AppliedIndex, applied.AppliedTerm)
	}
	return s, nil
}

//go:build mutant

// A state that cannot be read at the start is taken for one that is not there:
// the replica begins with an empty log and without a vote.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"math"
)

func loadPeerStorage(raftEngine engine.Engine, applied *raftserverpb.RegionState) (*peerStorage, error) {
	state, err := LoadRaftState(raftEngine, applied.Region.Id)
	if err != nil {
		state = &raftserverpb.RaftState{HardState: &eraftpb.HardState{}}
	}
	s := &peerStorage{regionID: applied.Region.Id, engine: raftEngine, state: state, applied: applied}
	if held, err := s.holds(applied.AppliedIndex, applied.AppliedTerm); err != nil {
		return nil, err
	} else if !held {
		// A snapshot was installed, and the crash came before the raft
		// engine knew of it. No message has promised anything about it
		// yet. What is left of the old log would stay forever:
		// compaction begins with the new one.
		if err := raftEngine.DeleteRange(cfRaft, logRange(s.regionID, 0, math.MaxUint64)); err != nil {
			return nil, err
		}
		s.resetLog(applied.AppliedIndex, applied.AppliedTerm)
	}
	return s, nil
}

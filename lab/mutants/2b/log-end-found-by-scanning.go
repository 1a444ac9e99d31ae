//go:build mutant

// The end of the log is found by looking for entries after the last index, in
// case the crash came before the state was written.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
	"math"
)

func loadPeerStorage(raftEngine engine.Engine, applied *raftserverpb.RegionState) (*peerStorage, error) {
	state, err := LoadRaftState(raftEngine, applied.Region.Id)
	if err != nil {
		return nil, err
	}
	s := &peerStorage{regionID: applied.Region.Id, engine: raftEngine, state: state, applied: applied}
	for {
		e, err := LoadEntry(raftEngine, s.regionID, s.state.LastIndex+1)
		if err != nil {
			return nil, err
		}
		if e == nil {
			break
		}
		s.state.LastIndex++
	}
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

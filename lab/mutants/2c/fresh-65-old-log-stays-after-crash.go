//go:build mutant

// After a crash between the last two writes of an installation, the log begins
// anew in memory, and what is left of the old one stays on the disk.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func loadPeerStorage(raftEngine engine.Engine, applied *raftserverpb.RegionState) (*peerStorage, error) {
	state, err := LoadRaftState(raftEngine, applied.Region.Id)
	if err != nil {
		return nil, err
	}
	s := &peerStorage{regionID: applied.Region.Id, engine: raftEngine, state: state, applied: applied}
	if held, err := s.holds(applied.AppliedIndex, applied.AppliedTerm); err != nil {
		return nil, err
	} else if !held {
		// A snapshot was installed, and the crash came before the raft
		// engine knew of it. No message has promised anything about it
		// yet. What is left of the old log would stay forever:
		// compaction begins with the new one.
		s.resetLog(applied.AppliedIndex, applied.AppliedTerm)
	}
	return s, nil
}

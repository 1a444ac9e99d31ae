//go:build mutant

// A Ready has no hard state if it did not change. Taking it over nevertheless
// erases the one on disk.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) save(b *engine.Batch, rd *raft.Ready) *raftserverpb.RaftState {
	state := s.save_original(b, rd)
	if rd.HardState != nil {
		return state
	}
	state.HardState = &eraftpb.HardState{}
	if len(rd.Entries) > 0 || rd.Snapshot != nil {
		put(b, cfRaft, stateKey(s.regionID), state)
	}
	return state
}

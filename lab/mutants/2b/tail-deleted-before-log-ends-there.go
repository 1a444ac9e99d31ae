//go:build mutant

// A conflicting tail is deleted first, and the entry that replaces it is saved
// after that. A long tail takes several batches, and after a crash between two
// of them the old log has a hole.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) save(w *writer, rd *raft.Ready) *raftserverpb.RaftState {
	state := proto.CloneOf(s.state)
	var part engine.Batch
	for _, e := range rd.Entries {
		put(&part, cfRaft, logKey(s.regionID, e.Index), e)
		state.LastIndex = e.Index
	}
	if rd.HardState != nil {
		state.HardState = rd.HardState
	}
	if rd.MustSync {
		put(&part, cfRaft, stateKey(s.regionID), state)
	}
	w.deleteEntries(s.regionID, state.LastIndex+1, s.state.LastIndex+1)
	w.add(&part, rd.MustSync)
	return state
}

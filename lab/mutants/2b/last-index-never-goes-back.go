//go:build mutant

// A follower replaces a conflicting tail of its log by fewer entries, but keeps
// the old end of the log. After a restart the rest of the tail follows the new
// entries, as if a leader had sent it.
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
		state.LastIndex = max(state.LastIndex, e.Index)
	}
	if rd.HardState != nil {
		state.HardState = rd.HardState
	}
	if rd.MustSync {
		put(&part, cfRaft, stateKey(s.regionID), state)
	}
	w.add(&part, rd.MustSync)
	return state
}

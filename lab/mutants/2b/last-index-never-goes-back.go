//go:build mutant

// A follower that replaces a conflicting tail of its log by fewer entries, but
// keeps the old end. After a restart what is left of the tail stands behind the
// new entries, as if a leader had sent it.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"

	"google.golang.org/protobuf/proto"
)

func (s *peerStorage) save(b *engine.Batch, rd *raft.Ready) *raftserverpb.RaftState {
	state := proto.CloneOf(s.state)
	for _, e := range rd.Entries {
		put(b, cfRaft, logKey(s.regionID, e.Index), e)
		state.LastIndex = max(state.LastIndex, e.Index)
	}
	if rd.HardState != nil {
		state.HardState = rd.HardState
	}
	if len(rd.Entries) > 0 || rd.HardState != nil || rd.Snapshot != nil {
		put(b, cfRaft, stateKey(s.regionID), state)
	}
	return state
}

//go:build mutant

// A follower that replaces a conflicting tail of its log by fewer entries notes the
// new end of the log, but leaves what is behind it on disk.
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
		state.LastIndex = e.Index
	}
	if rd.HardState != nil {
		state.HardState = rd.HardState
	}
	if rd.MustSync {
		put(b, cfRaft, stateKey(s.regionID), state)
	}
	return state
}

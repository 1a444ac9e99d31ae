//go:build mutant

// A conflicting tail is deleted in the batch that replaces its beginning,
// however long it is. An engine refuses a batch with too many operations, and
// the store stops.
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
	for i := state.LastIndex + 1; i <= s.state.LastIndex; i++ {
		part.Delete(cfRaft, logKey(s.regionID, i))
	}
	w.add(&part, rd.MustSync)
	return state
}

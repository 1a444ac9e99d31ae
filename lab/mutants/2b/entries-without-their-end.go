//go:build mutant

// The record with the end of the log is written only if the hard state has
// changed. Entries that come alone are on the disk, but after a crash the log
// ends before them, although they were acknowledged.
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
		put(&part, cfRaft, stateKey(s.regionID), state)
	}
	w.add(&part, rd.MustSync)
	w.deleteEntries(s.regionID, state.LastIndex+1, s.state.LastIndex+1)
	return state
}

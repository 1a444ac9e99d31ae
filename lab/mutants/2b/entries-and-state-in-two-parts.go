//go:build mutant

// The entries of a Ready and the state that says where the log ends are two
// parts.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
	"google.golang.org/protobuf/proto"
)

func (s *peerStorage) save(w *writer, rd *raft.Ready) *raftserverpb.RaftState {
	state := proto.CloneOf(s.state)
	var part engine.Batch
	if n := len(rd.Entries); n > 0 {
		for _, e := range rd.Entries {
			put(&part, cfRaft, logKey(s.regionID, e.Index), e)
		}
		state.LastIndex = rd.Entries[n-1].Index
		w.add(&part, true)
		part = engine.Batch{}
	}
	if rd.HardState != nil {
		state.HardState = rd.HardState
	}
	// The commit index alone is not worth a write: it goes with the next
	// one, and a restart that finds an older one learns the rest from the
	// leader.
	if rd.MustSync {
		put(&part, cfRaft, stateKey(s.regionID), state)
	}
	w.add(&part, rd.MustSync)
	// The new entries may have replaced the tail of a longer log. LastIndex
	// ends the log here, so the rest of the old tail is deleted after that,
	// in as many parts as it takes.
	w.deleteEntries(s.regionID, state.LastIndex+1, s.state.LastIndex+1)
	return state
}

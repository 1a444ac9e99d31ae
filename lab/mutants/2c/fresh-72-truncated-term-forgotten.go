//go:build mutant

// The state that is saved is put together anew, with the index before the first
// entry and without its term.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) save(w *writer, rd *raft.Ready) *raftserverpb.RaftState {
	state := &raftserverpb.RaftState{HardState: s.state.HardState, LastIndex: s.state.LastIndex, TruncatedIndex: s.state.TruncatedIndex}
	var part engine.Batch
	if n := len(rd.Entries); n > 0 {
		for _, e := range rd.Entries {
			put(&part, cfRaft, logKey(s.regionID, e.Index), e)
		}
		state.LastIndex = rd.Entries[n-1].Index
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

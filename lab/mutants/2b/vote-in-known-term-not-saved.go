//go:build mutant

// The hard state is saved when the term changes. But a peer can hear of a term
// first and vote in it later, and then the vote alone changes.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) save(w *writer, rd *raft.Ready) *raftserverpb.RaftState {
	some := *rd
	if rd.HardState.GetTerm() == s.state.HardState.Term && len(rd.Entries) == 0 && rd.Snapshot == nil {
		some.HardState = nil
	}
	return s.save_original(w, &some)
}

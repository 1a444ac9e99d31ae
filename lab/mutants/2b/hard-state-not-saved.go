//go:build mutant

// Entries are saved, and the hard state is not: after a restart a peer has
// forgotten its term and its vote.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) save(w *writer, rd *raft.Ready) *raftserverpb.RaftState {
	without := *rd
	without.HardState = nil
	return s.save_original(w, &without)
}

//go:build mutant

// Entries are saved, and the hard state is not: after a restart a server does not
// know its term any more, nor whom it voted for.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) save(b *engine.Batch, rd *raft.Ready) *raftserverpb.RaftState {
	without := *rd
	without.HardState = nil
	return s.save_original(b, &without)
}

//go:build mutant

// The end of the log moves, in memory, while the batch is filled; the rest of
// the state follows after the write. If the disk is full, storage offers
// entries that the disk does not have, and a tail that was replaced stays there.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) save(w *writer, rd *raft.Ready) *raftserverpb.RaftState {
	state := s.save_original(w, rd)
	now := proto.CloneOf(s.state)
	now.LastIndex = state.LastIndex
	s.state = now
	return state
}

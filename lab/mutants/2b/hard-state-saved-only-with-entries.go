//go:build mutant

// The hard state is saved together with entries, and only then. A vote comes
// without any, so a peer that crashes after it may vote again in that term.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) save(w *writer, rd *raft.Ready) *raftserverpb.RaftState {
	if len(rd.Entries) > 0 || rd.Snapshot != nil {
		return s.save_original(w, rd)
	}
	state := proto.CloneOf(s.state)
	if rd.HardState != nil {
		state.HardState = rd.HardState
	}
	return state
}

//go:build mutant

// A Ready has no hard state if the hard state did not change. Saving that all
// the same erases the one on the disk.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) save(w *writer, rd *raft.Ready) *raftserverpb.RaftState {
	all := *rd
	if all.HardState == nil {
		all.HardState = &eraftpb.HardState{}
	}
	return s.save_original(w, &all)
}

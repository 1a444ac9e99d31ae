//go:build mutant

// A restarted peer tells Raft its term and its commit index, but not its vote.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (s *peerStorage) InitialState() (*eraftpb.HardState, *eraftpb.ConfState, error) {
	hs, members, err := s.InitialState_original()
	return &eraftpb.HardState{Term: hs.GetTerm(), Commit: hs.GetCommit()}, members, err
}

//go:build mutant

// When the applied index raises the commit index at a start, the hard state is
// made anew, with the term and without the vote.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
)

func (s *peerStorage) InitialState() (*eraftpb.HardState, *eraftpb.ConfState, error) {
	members := &eraftpb.ConfState{}
	for _, p := range s.applied.Region.Peers {
		members.Nodes = append(members.Nodes, p.Id)
	}
	// The commit index is not saved for its own sake, so the applied index
	// may be higher.
	hs := s.state.HardState
	if hs.Commit < s.applied.AppliedIndex {
		hs = &eraftpb.HardState{Term: hs.Term, Commit: s.applied.AppliedIndex}
	}
	return hs, members, nil
}

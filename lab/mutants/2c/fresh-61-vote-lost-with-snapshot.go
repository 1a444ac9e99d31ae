//go:build mutant

// When a snapshot has replaced the log, the hard state keeps the term and loses
// the vote.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (s *peerStorage) resetLog(index, term uint64) {
	hs := s.state.HardState
	if hs.Term < term {
		hs = &eraftpb.HardState{Term: term}
	}
	s.state = &raftserverpb.RaftState{
		HardState:      &eraftpb.HardState{Term: hs.Term, Commit: index},
		LastIndex:      index,
		TruncatedIndex: index,
		TruncatedTerm:  term,
	}
}

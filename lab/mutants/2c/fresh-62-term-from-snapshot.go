//go:build mutant

// When a snapshot has replaced the log, the term of the hard state is the
// snapshot's.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (s *peerStorage) resetLog(index, term uint64) {
	hs := &eraftpb.HardState{Term: term}
	s.state = &raftserverpb.RaftState{
		HardState:      &eraftpb.HardState{Term: hs.Term, Vote: hs.Vote, Commit: index},
		LastIndex:      index,
		TruncatedIndex: index,
		TruncatedTerm:  term,
	}
}

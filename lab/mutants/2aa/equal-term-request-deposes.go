//go:build mutant

// A vote request makes its receiver a follower if its term is at least as high
// as one's own, instead of higher. A leader that won gives up because one of
// the losers asks late, and the term has no leader left (§5.1: only a larger
// term).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) Step(m *pb.Message) error {
	if m.MsgType == pb.MessageType_MsgRequestVote && m.Term >= r.term {
		r.becomeFollower(m.Term, None)
	}
	return r.Step_original(m)
}

//go:build mutant

// The sender of a message of a later term is taken for the leader of that term.
// Most often it is a candidate that has not won anything yet, and may lose:
// proposals are sent to a server that never leads (§5.2).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) Step(m *pb.Message) error {
	if m.Term > r.term {
		r.becomeFollower(m.Term, m.From)
	}
	return r.Step_original(m)
}

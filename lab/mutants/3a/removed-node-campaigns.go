//go:build mutant

// A node campaigns without asking whether it is a member. One that has applied
// its own removal no longer hears heartbeats, so it starts elections forever
// and deposes leaders with its ever higher terms; one that has not been added
// yet is a group of its own, and elects itself (thesis §4.2.3).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) campaign() {
	if r.state == StateLeader || r.hasPendingConfChange() {
		return
	}
	r.becomeCandidate()
	last, term := r.log.LastIndex(), r.log.lastTerm()
	for _, p := range r.members {
		if p.ID != r.id {
			r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVote, To: p.ID, Index: last, LogTerm: term})
		}
	}
	r.countVote(r.id, true)
}

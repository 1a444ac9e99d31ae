//go:build mutant

// A server campaigns when its timer fires, whether it is a member of the group
// or not. One that was removed, or has not been added yet, deposes the leader
// with ever higher terms, although it can never lead (thesis §4.2.3).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

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

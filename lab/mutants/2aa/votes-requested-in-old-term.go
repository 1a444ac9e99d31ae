//go:build mutant

// The vote requests are made before the term is raised, so they carry the term
// before. A server that has voted in that term, or knows its leader, refuses;
// and a vote granted in it counts for another election than it was given in
// (§5.2: the candidate increments its term, then asks).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) campaign() {
	if r.state == StateLeader || r.progress(r.id) == nil || r.hasPendingConfChange() {
		return
	}
	last, term := r.log.LastIndex(), r.log.lastTerm()
	for _, p := range r.members {
		if p.ID != r.id {
			r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVote, To: p.ID, Index: last, LogTerm: term})
		}
	}
	r.becomeCandidate()
	r.countVote(r.id, true)
}

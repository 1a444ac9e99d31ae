//go:build mutant

// A request to campaign (MsgHup) is followed in every role. A healthy leader
// deposes itself, and the group has no leader until the election is over (§5.2:
// only followers and candidates begin elections).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) campaign() {
	if r.progress(r.id) == nil || r.hasPendingConfChange() {
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

func (r *Raft) becomeCandidate() {
	r.reset(r.term + 1)
	r.state = StateCandidate
	r.vote = r.id
	r.votes = map[uint64]bool{}
}

//go:build mutant

// The vote request says that the candidate's last entry is of the current term,
// instead of looking into the log. Voters take an old log for the newest of
// all, and a leader without the committed entries wins (§5.4.1: lastLogTerm).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) campaign() {
	if r.state == StateLeader || r.progress(r.id) == nil || r.hasPendingConfChange() {
		return
	}
	r.becomeCandidate()
	last, term := r.log.LastIndex(), r.term
	for _, p := range r.members {
		if p.ID != r.id {
			r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVote, To: p.ID, Index: last, LogTerm: term})
		}
	}
	r.countVote(r.id, true)
}

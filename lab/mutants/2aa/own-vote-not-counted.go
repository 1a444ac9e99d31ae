//go:build mutant

// The candidate waits for a majority among the others and does not count
// itself. Three servers of which one is down never find a leader, and a group
// of one never has any (§5.2: it votes for itself).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) campaign() {
	if r.state == StateLeader || r.progress(r.id) == nil || r.hasPendingConfChange() {
		return
	}
	r.becomeCandidate()
	last, term := r.log.LastIndex(), r.log.lastTerm()
	for _, p := range r.members {
		if p.ID != r.id {
			r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVote, To: p.ID, Index: last, LogTerm: term})
		}
	}
}

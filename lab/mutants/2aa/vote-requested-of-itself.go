//go:build mutant

// The candidate sends a vote request to itself too, as it walks over all
// members. The message goes through the network to come back, and a
// network that counts one request for each of the others sees one too many (§5.2: to each
// of the other servers).
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
		r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVote, To: p.ID, Index: last, LogTerm: term})
	}
	r.countVote(r.id, true)
}

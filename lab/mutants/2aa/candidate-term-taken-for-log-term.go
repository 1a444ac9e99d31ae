//go:build mutant

// The log is compared by the term of the request instead of the term of the
// candidate's last entry. Every candidate has just raised its term, so every
// log looks newer than one's own, and an empty one wins (§5.4.1: the last
// entries' terms are compared).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleVoteRequest(m *pb.Message) {
	free := r.vote == None || r.vote == m.From
	grant := free && r.log.isUpToDate(m.Index, m.Term)
	if grant {
		r.vote = m.From
		r.electionElapsed = 0
	}
	r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, To: m.From, Reject: !grant})
}

//go:build mutant

// Granting a vote does not restart the election timer. The voter may campaign a
// tick later, and take the majority from the candidate that it has just helped
// (Figure 2: a follower campaigns if it has neither heard from a leader nor
// granted a vote for a whole timeout).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleVoteRequest(m *pb.Message) {
	free := r.vote == None || r.vote == m.From
	grant := free && r.log.isUpToDate(m.Index, m.LogTerm)
	if grant {
		r.vote = m.From
	}
	r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, To: m.From, Reject: !grant})
}

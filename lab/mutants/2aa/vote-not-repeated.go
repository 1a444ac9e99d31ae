//go:build mutant

// "I have voted in this term" refuses every candidate, also the one that got
// the vote. If that answer was lost, asking again is no use: the vote is
// wasted, and with it perhaps the election (Figure 2: votedFor is null or
// candidateId).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleVoteRequest(m *pb.Message) {
	free := r.vote == None
	grant := free && r.log.isUpToDate(m.Index, m.LogTerm)
	if grant {
		r.vote = m.From
		r.electionElapsed = 0
	}
	r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, To: m.From, Reject: !grant})
}

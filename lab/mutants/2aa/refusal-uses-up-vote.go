//go:build mutant

// The vote is written down for the first candidate that asks, before its log is
// looked at. Refused because of its log, it takes the vote along: the candidate
// that could lead comes second, and is refused too (Figure 2: votedFor is the
// candidate that received the vote).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleVoteRequest(m *pb.Message) {
	free := r.vote == None || r.vote == m.From
	grant := free && r.log.isUpToDate(m.Index, m.LogTerm)
	if free {
		r.vote = m.From
	}
	if grant {
		r.electionElapsed = 0
	}
	r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, To: m.From, Reject: !grant})
}

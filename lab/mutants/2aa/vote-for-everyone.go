//go:build mutant

// The vote is given to every candidate whose log is good enough, also if
// another got it before. Two candidates of one term can both reach a majority,
// and both lead (§5.2: first come, first served, one vote per term).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleVoteRequest(m *pb.Message) {
	grant := r.log.isUpToDate(m.Index, m.LogTerm)
	if grant {
		r.vote = m.From
		r.electionElapsed = 0
	}
	r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, To: m.From, Reject: !grant})
}

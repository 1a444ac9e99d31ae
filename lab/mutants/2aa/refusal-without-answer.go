//go:build mutant

// A server that does not give its vote says nothing at all. A candidate cannot
// tell a refusal from a lost message, and one that runs in a term in which it
// cannot win waits a whole timeout for answers that never come (Figure 2:
// RequestVote is answered with voteGranted false).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleVoteRequest(m *pb.Message) {
	free := r.vote == None || r.vote == m.From
	grant := free && r.log.isUpToDate(m.Index, m.LogTerm)
	if grant {
		r.vote = m.From
		r.electionElapsed = 0
	}
	if grant {
		r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, To: m.From})
	}
}

//go:build mutant

// Every vote request of the current term restarts the election timer, also one
// that is refused. A server with an old log that campaigns again and again
// keeps servers from campaigning that could win (§5.2 and Figure 2: only a
// granted vote or the leader resets the timer).
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
	r.electionElapsed = 0
	r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, To: m.From, Reject: !grant})
}

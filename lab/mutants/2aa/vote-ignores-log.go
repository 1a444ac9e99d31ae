//go:build mutant

// The vote goes to the first candidate that asks, whatever its log holds. A
// server that lacks committed entries can become leader, and overwrite them
// everywhere (§5.4.1).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleVoteRequest(m *pb.Message) {
	free := r.vote == None || r.vote == m.From
	grant := free
	if grant {
		r.vote = m.From
		r.electionElapsed = 0
	}
	r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, To: m.From, Reject: !grant})
}

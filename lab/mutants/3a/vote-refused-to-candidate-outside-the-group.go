//go:build mutant

// A node votes only for candidates that are members of the group as the node
// knows it. While a member is being added, the others learn of it one by one:
// if its vote or theirs is needed for a majority, no server can be elected
// (thesis §4.1: a server grants its vote to a candidate that is not in its
// configuration).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleVoteRequest(m *pb.Message) {
	if r.progress(m.From) == nil {
		r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, To: m.From, Reject: true})
		return
	}
	r.handleVoteRequest_original(m)
}

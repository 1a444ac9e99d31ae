//go:build mutant

// A request of an earlier term is answered with that term, copied from the
// request, instead of the current one. Its sender sees nothing new and goes on
// as leader or candidate (Figure 2: the answer's term is currentTerm, for the
// sender to update itself).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) rejectStale(m *pb.Message) {
	switch m.MsgType {
	case pb.MessageType_MsgRequestVote:
		r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, To: m.From, Term: m.Term, Reject: true})
	case pb.MessageType_MsgAppend, pb.MessageType_MsgHeartbeat, pb.MessageType_MsgSnapshot:
		r.send(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, To: m.From, Term: m.Term, Index: m.Index, Reject: true})
	}
}

//go:build mutant

// Requests of an earlier term are rejected, but answers are not looked at: a
// vote that was given in an earlier term, and arrives late, counts in this one.
// Its sender may have voted for another meanwhile, and both win (§5.1, §5.2).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) Step(m *pb.Message) error {
	switch {
	case m.Term == 0:
	case m.Term > r.term:
		r.becomeFollower(m.Term, None)
	case m.Term < r.term && m.MsgType != pb.MessageType_MsgRequestVoteResponse:
		r.rejectStale(m)
		return nil
	}

	if isFromLeader(m.MsgType) && !r.hearFromLeader(m.From) {
		return nil
	}
	switch m.MsgType {
	case pb.MessageType_MsgHup:
		r.campaign()
	case pb.MessageType_MsgRequestVote:
		r.handleVoteRequest(m)
	case pb.MessageType_MsgRequestVoteResponse:
		r.handleVoteResponse(m)
	case pb.MessageType_MsgAppend:
		r.handleAppend(m)
	case pb.MessageType_MsgHeartbeat:
		r.handleHeartbeat(m)
	case pb.MessageType_MsgSnapshot:
		r.handleSnapshot(m)
	case pb.MessageType_MsgTimeoutNow:
		r.handleTimeoutNow(m)
	case pb.MessageType_MsgTransferLeader:
		r.handleTransferLeader(m)
	case pb.MessageType_MsgPropose:
		return r.propose(m.Entries)
	}
	if r.state == StateLeader {
		r.stepLeader(m)
	}
	return nil
}

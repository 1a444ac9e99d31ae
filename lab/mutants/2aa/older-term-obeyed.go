//go:build mutant

// Messages of an earlier term are handled like all others. A leader that slept
// through an election keeps its followers: they obey two leaders, and its
// heartbeats suppress the elections that it should lose (§5.1: a request with a
// stale term is rejected).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) Step(m *pb.Message) error {
	switch {
	case m.Term == 0:
	case m.Term > r.term:
		r.becomeFollower(m.Term, None)
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

//go:build mutant

// Requests of a later term make the server a follower in it, answers do not:
// they are only counted or dropped. A deposed leader or an outdated candidate
// hears the new term in every answer and goes on in its old one (§5.1: whenever
// servers communicate).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) Step(m *pb.Message) error {
	answer := false
	switch m.MsgType {
	case pb.MessageType_MsgRequestVoteResponse, pb.MessageType_MsgAppendResponse, pb.MessageType_MsgHeartbeatResponse:
		answer = true
	}
	if answer && m.Term > r.term {
		return nil
	}
	return r.Step_original(m)
}

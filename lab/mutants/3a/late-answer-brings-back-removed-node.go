//go:build mutant

// When an answer arrives from a node without a record of progress, the leader
// makes one, to have something to update. A late answer of a member that has been
// removed makes it a member again: its acknowledgements count, and the others have
// another idea of the group.
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (rn *RawNode) Step(m *pb.Message) error {
	switch m.MsgType {
	case pb.MessageType_MsgHup, pb.MessageType_MsgBeat,
		pb.MessageType_MsgUnreachable, pb.MessageType_MsgSnapStatus:
		return ErrStepLocalMsg
	}
	return rn.raft.Step(m)
}

func (r *Raft) stepLeader(m *pb.Message) {
	switch m.MsgType {
	case pb.MessageType_MsgAppendResponse, pb.MessageType_MsgHeartbeatResponse:
		if r.progress(m.From) == nil {
			r.addNode(m.From)
		}
	}
	r.stepLeader_original(m)
}

//go:build mutant

// Step has one switch for all roles, and MsgBeat sends heartbeats in each of
// them. A server that has just stepped down, or has never led, then speaks as
// the leader of its term, and every server obeys (§5.2: only the leader of a
// term sends AppendEntries).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) Step(m *pb.Message) error {
	if m.MsgType == pb.MessageType_MsgBeat {
		r.broadcastHeartbeat()
		return nil
	}
	return r.Step_original(m)
}

//go:build mutant

// An append that starts before the snapshot is skipped, as an old one, and then
// acknowledged like any other: up to its last entry. If that lies after the end
// of the log, the follower has promised entries that it has thrown away, and
// the leader commits them on its word (§5.3).
//
//lab:mutant 2C raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleAppend(m *pb.Message) {
	if m.Index+1 < r.log.FirstIndex() {
		r.send(&pb.Message{
			MsgType: pb.MessageType_MsgAppendResponse,
			To:      m.From,
			Index:   m.Index + uint64(len(m.Entries)),
		})
		return
	}
	r.handleAppend_original(m)
}

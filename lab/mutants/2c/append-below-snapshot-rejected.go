//go:build mutant

// An append that starts before the snapshot finds no entry to compare with, and
// is rejected. But everything in the snapshot is committed, so the logs agree
// there for certain. The leader goes further back with each rejection, although
// the follower has what it needs, and may end up sending a whole snapshot (§7).
//
//lab:mutant 2C raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleAppend(m *pb.Message) {
	if _, err := r.log.Term(m.Index); err == ErrCompacted {
		r.send(&pb.Message{
			MsgType:    pb.MessageType_MsgAppendResponse,
			To:         m.From,
			Index:      m.Index,
			Reject:     true,
			RejectHint: r.log.LastIndex(),
		})
		return
	}
	r.handleAppend_original(m)
}

//go:build mutant

// A snapshot that brings nothing new is dropped without an answer. The leader that
// sent it does not know how far this node is, otherwise it would not have sent
// it, and learns nothing: it waits, and sends the snapshot again.
//
//lab:mutant 2C raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleSnapshot(m *pb.Message) {
	if m.Snapshot.GetMetadata().GetIndex() <= r.log.committed {
		return
	}
	r.handleSnapshot_original(m)
}

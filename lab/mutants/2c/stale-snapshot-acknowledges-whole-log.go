//go:build mutant

// A snapshot is answered with the index of the last entry, which is right only if
// the snapshot was taken over. A node that ignores it, because it has committed
// more, thereby tells the leader that its uncommitted tail matches as well. The
// leader counts entries that the node does not have (§5.3).
//
//lab:mutant 2C raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleSnapshot(m *pb.Message) {
	r.restore(m.Snapshot)
	r.send(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, To: m.From, Index: r.log.LastIndex()})
}

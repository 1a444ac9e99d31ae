//go:build mutant

// A follower takes no commit index from heartbeats. If the append that told it
// got lost, and no proposal follows, entries that are committed for long are
// never applied here (the package comment: heartbeats carry the commit index as
// far as the follower is known to have the log).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleHeartbeat(m *pb.Message) {
	r.send(&pb.Message{MsgType: pb.MessageType_MsgHeartbeatResponse, To: m.From})
}

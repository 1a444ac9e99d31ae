//go:build mutant

// Only heartbeats count as a sign of the leader. A follower that gets appends
// all the time, and no heartbeat because they are lost or late, campaigns; a
// candidate takes entries and stays a candidate (§5.2: AppendEntries, with or
// without entries).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func isFromLeader(t pb.MessageType) bool {
	return t == pb.MessageType_MsgHeartbeat || t == pb.MessageType_MsgSnapshot
}

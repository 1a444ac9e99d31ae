//go:build mutant

// A follower that gets a snapshot does not note that its leader is alive, and a
// candidate stays one: appends and heartbeats were thought of, snapshots not. A
// node that is busy with large snapshots starts an election against the leader
// that sends them (§5.2).
//
//lab:mutant 2C raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func isFromLeader(t pb.MessageType) bool {
	return t == pb.MessageType_MsgAppend || t == pb.MessageType_MsgHeartbeat
}

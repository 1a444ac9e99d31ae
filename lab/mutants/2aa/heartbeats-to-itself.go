//go:build mutant

// The leader sends heartbeats to all members, itself included. It is a member,
// but not a follower: what comes back looks like the message of a second leader
// of its term (§5.2: to all other servers).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) broadcastHeartbeat() {
	for _, p := range r.members {
		r.send(&pb.Message{
			MsgType: pb.MessageType_MsgHeartbeat,
			To:      p.ID,
			Commit:  min(p.Match, r.log.committed),
		})
	}
}

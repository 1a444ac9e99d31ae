//go:build mutant

// A heartbeat carries the leader's commit index as it is, and the follower
// commits up to there without a comparison of the logs. It may hold other
// entries at these indexes, left over from an earlier leader, and applies them
// (§5.3: what is committed counts only as far as the logs are known to agree).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) broadcastHeartbeat() {
	for _, p := range r.members {
		if p.ID != r.id {
			r.send(&pb.Message{
				MsgType: pb.MessageType_MsgHeartbeat,
				To:      p.ID,
				Commit:  r.log.committed,
			})
		}
	}
}

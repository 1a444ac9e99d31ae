//go:build mutant

// The leader goes on with a follower when its snapshot has arrived, and does
// nothing when it is told that sending it has failed. It waits for an answer to
// a message that never arrived, and the follower never catches up.
//
//lab:mutant 2C raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleSnapStatus(p *Progress, m *pb.Message) {
	if m.Reject {
		return
	}
	r.handleSnapStatus_original(p, m)
}

//go:build mutant

// A node that does not lead drops a request to transfer the leadership: it has
// nothing to hand over. The application rarely knows the leader for certain, so
// the request must be passed on to the leader.
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleTransferLeader(m *pb.Message) {
	if r.state == StateLeader {
		r.handleTransferLeader_original(m)
	}
}

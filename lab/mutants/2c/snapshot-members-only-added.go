//go:build mutant

// The members in a snapshot are added to those that the node knows, and none is
// removed. A member that left while this node lagged stays in its group
// forever: as leader it waits for acknowledgements that never come, and its
// majority is larger than that of the others.
//
//lab:mutant 2C raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) restore(s *pb.Snapshot) bool {
	members := r.members
	r.restore_original(s)
	for _, p := range members {
		r.addNode(p.ID)
	}
	return true
}

//go:build mutant

// A snapshot replaces the log and the commit index, and the members stay what
// they were. The entries that changed the membership are inside the snapshot
// and never come again, so the node counts its majorities with a group that no
// longer exists (§7: the snapshot holds the latest configuration).
//
//lab:mutant 2C raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) restore(s *pb.Snapshot) bool {
	members := r.members
	r.restore_original(s)
	r.members = members
	return true
}

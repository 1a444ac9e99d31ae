//go:build mutant

// Any snapshot that is ahead of the commit index replaces the whole log, even
// if the log already has the snapshot's last entry and more after it. That tail
// may have been acknowledged: the leader may have committed it with this node's
// help, and if the node forgets it now, a majority no longer has it (§7: if the
// last entry matches, keep the entries that follow).
//
//lab:mutant 2C raft
package raft

import (
	"slices"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) restore(s *pb.Snapshot) bool {
	meta := s.GetMetadata()
	nodes := meta.GetConfState().GetNodes()
	if meta.GetIndex() <= r.log.committed || !slices.Contains(nodes, r.id) {
		return true
	}
	r.log.restore(s)
	r.setMembers(nodes)
	return true
}

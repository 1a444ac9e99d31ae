//go:build mutant

// A snapshot whose index is not past the end of the log is ignored: the node
// has that index already. But it may have another entry there, one that was
// never committed. The leader has no entries left to replace it with, and sends
// the same snapshot forever. What counts is the commit index.
//
//lab:mutant 2C raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) restore(s *pb.Snapshot) bool {
	index := s.GetMetadata().GetIndex()
	if index <= r.log.LastIndex() && !r.log.matches(index, s.Metadata.Term) {
		return true
	}
	r.restore_original(s)
	return true
}

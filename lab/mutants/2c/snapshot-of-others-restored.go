//go:build mutant

// A node takes over any snapshot that is ahead of it, also one of a group in
// which it is not a member: it was removed while the snapshot was on its way. It
// gets the data of a group that it has left, and knows no majority that it
// belongs to.
//
//lab:mutant 2C raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) restore(s *pb.Snapshot) bool {
	meta := s.GetMetadata()
	index := meta.GetIndex()
	if index <= r.log.committed {
		return true
	}
	if r.log.matches(index, meta.GetTerm()) {
		r.log.commitTo(index)
		return true
	}
	r.log.restore(s)
	r.setMembers(meta.GetConfState().GetNodes())
	return true
}

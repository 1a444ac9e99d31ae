//go:build variant

// A node installs a snapshot in which it is not a member. It has fallen behind, and
// was removed, or is not yet added there: it knows what was committed, that it is
// not a member as of then, and keeps quiet until the log says otherwise.
//
//lab:variant raft 2C 3A
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

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

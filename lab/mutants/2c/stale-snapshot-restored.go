//go:build mutant

// Every snapshot that arrives is taken over, also one that is older than what the
// node has committed, after a delay on the network or a second time. The log, the
// commit index and the state machine go back in time, and entries that were
// acknowledged are gone.
//
//lab:mutant 2C raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) restore(s *pb.Snapshot) bool {
	if r.log.matches(s.Metadata.Index, s.Metadata.Term) && s.Metadata.Index >= r.log.FirstIndex() {
		r.log.commitTo(s.Metadata.Index)
		return true
	}
	r.log.restore(s)
	r.setMembers(s.Metadata.ConfState.Nodes)
	return true
}

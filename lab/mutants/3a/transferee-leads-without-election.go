//go:build mutant

// The transferee takes MsgTimeoutNow for the leadership itself, and leads a new
// term at once. The message only moves its election timeout: without the votes
// of a majority, another member that campaigns at the same moment can win the
// same term (thesis §3.10, §5.2).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleTimeoutNow(m *pb.Message) {
	if r.state == StateFollower && r.progress(r.id) != nil {
		r.becomeCandidate()
		r.becomeLeader()
	}
}

//go:build mutant

// After a rejection the leader looks for its last entry of the term that the
// follower names, and compares that term with the index of its entries. With
// small numbers both are much the same, and most searches end at a useful place.
// For some pairs of logs, such as 1 3 4 4 and 1 3 3 3 3, the two sides send the
// same two messages to each other without end.
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppendResponse(p *Progress, m *pb.Message) {
	if !m.Reject || m.LogTerm == 0 || p.State != StateProbe || m.Index != p.Next-1 {
		r.handleAppendResponse_original(p, m)
		return
	}
	hint := min(m.RejectHint, r.log.LastIndex())
	for hint > m.LogTerm {
		hint--
	}
	p.Next = max(hint+1, p.Match+1)
	p.paused, p.nudge = false, true
}

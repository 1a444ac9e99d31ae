//go:build mutant

// After a rejection the leader looks for its last entry of the term that the
// follower names, or an earlier one, and compares that term with the index of its
// entries. With small numbers both are much the same, and most searches end at a
// useful place. Where a term is greater than the index of its entry, as after
// failed elections, the leader stays where it is, and the two sides send each
// other the same two messages without end.
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
	for hint > 0 && hint >= m.LogTerm {
		hint--
	}
	p.Next = max(hint+1, p.Match+1)
	p.paused, p.nudge = false, true
}

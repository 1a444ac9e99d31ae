//go:build mutant

// The leader takes the rejection of an append for the news that its term is
// over, and becomes a follower. Followers with other logs, which it should
// repair, depose one leader after the other (§5.3: only a later term makes it
// step down, a rejection makes it go back).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppendResponse(p *Progress, m *pb.Message) {
	if m.Reject {
		r.becomeFollower(r.term, None)
		return
	}
	r.handleAppendResponse_original(p, m)
}

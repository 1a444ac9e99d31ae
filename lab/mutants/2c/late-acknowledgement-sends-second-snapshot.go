//go:build mutant

// Any acknowledgement ends the wait for a snapshot under way. One of earlier
// entries, which arrives late, makes the leader go on where the follower was
// then, and send the snapshot again.
//
//lab:mutant 2C raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppendResponse(p *Progress, m *pb.Message) {
	if p.State == StateSnapshot && !m.Reject {
		p.acknowledge(m.Index)
		p.replicate()
		r.maybeCommit()
		return
	}
	r.handleAppendResponse_original(p, m)
}

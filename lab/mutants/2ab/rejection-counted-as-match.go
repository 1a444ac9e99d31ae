//go:build mutant

// The leader takes every answer to an append for an acknowledgement, and does
// not look at Reject. It counts entries that the follower has just refused, and
// commits them (§5.3: only a success updates matchIndex).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppendResponse(p *Progress, m *pb.Message) {
	if m.Index > r.log.LastIndex() {
		return
	}
	news := p.acknowledge(m.Index)
	switch {
	case p.State == StateReplicate:
		p.inflight.answered(m.Index)
	case p.State == StateProbe && m.Index == p.Match,
		p.State == StateSnapshot && p.Match+1 >= r.log.FirstIndex():
		p.replicate()
	}
	if news {
		r.maybeCommit()
		r.maybeHandOver(p)
	}
}

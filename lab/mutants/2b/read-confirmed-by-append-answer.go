//go:build mutant

// An acknowledgement confirms the reads that wait: its sender follows this
// leader. It did so when it sent that, which may be long ago, and before the
// reads came.
//
//lab:mutant 2B raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppendResponse(p *Progress, m *pb.Message) {
	r.handleAppendResponse_original(p, m)
	p.confirmed = r.reads.last
	r.confirmReads()
}

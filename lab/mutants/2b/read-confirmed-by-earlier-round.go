//go:build mutant

// Any answer to a question whether the leader still leads confirms all reads that
// wait, also those that came after that question was asked.
//
//lab:mutant 2B raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleReadContext(p *Progress, m *pb.Message) {
	if len(m.Context) == 8 {
		p.confirmed = r.reads.last
		r.confirmReads()
	}
}

//go:build mutant

// The transfer uses the leader's election clock and does not set it back when it
// begins. The clock may be anywhere, so a transfer may be given up one tick after
// it was asked for: a transferee that needs a round trip to catch up is told
// nothing, and it looks as if transfers failed at random.
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleTransferLeader(m *pb.Message) {
	elapsed := r.electionElapsed
	r.handleTransferLeader_original(m)
	if r.state == StateLeader {
		r.electionElapsed = elapsed
	}
}

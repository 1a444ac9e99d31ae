//go:build mutant

// A request to hand over to the member that the leader is handing over to
// restarts the clock of the transfer. An operator's script that asks until it
// sees the new leader keeps a leader with a dead transferee from ever taking
// proposals again.
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleTransferLeader(m *pb.Message) {
	if r.state == StateLeader && m.From == r.leadTransferee {
		r.electionElapsed = 0
	}
	r.handleTransferLeader_original(m)
}

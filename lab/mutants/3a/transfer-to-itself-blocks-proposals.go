//go:build mutant

// A leader that is asked to hand over to itself handles that like any transfer:
// it stops taking proposals, and tells itself to campaign, which a leader
// ignores. A request that is already fulfilled stops the group for an election
// timeout.
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleTransferLeader(m *pb.Message) {
	if r.state == StateLeader && m.From == r.id {
		r.leadTransferee = r.id
		r.electionElapsed = 0
		r.maybeHandOver(r.progress(r.id))
		return
	}
	r.handleTransferLeader_original(m)
}

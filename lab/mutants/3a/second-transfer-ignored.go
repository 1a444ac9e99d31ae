//go:build mutant

// While one transfer is under way, any other request is ignored. An operator
// who sees that the first transferee is dead and names a better one has to wait
// for the time-out, though the contract says that a request for another member
// replaces the one before.
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleTransferLeader(m *pb.Message) {
	if r.state == StateLeader && r.leadTransferee != None {
		return
	}
	r.handleTransferLeader_original(m)
}

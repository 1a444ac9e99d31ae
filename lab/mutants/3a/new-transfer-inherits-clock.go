//go:build mutant

// A request for another member replaces the transfer under way, but not its
// clock. The new transfer is given up when the old one would have been, before
// the new transferee had its time.
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleTransferLeader(m *pb.Message) {
	elapsed, before := r.electionElapsed, r.leadTransferee
	r.handleTransferLeader_original(m)
	if r.state == StateLeader && before != None {
		r.electionElapsed = elapsed
	}
}

//go:build mutant

// The leader notes the transferee before it looks whether that is a member of
// the group. A request for a node that was removed, or never existed, makes it
// refuse proposals for an election timeout, and waits in vain.
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleTransferLeader(m *pb.Message) {
	if r.state == StateLeader && r.progress(m.From) == nil {
		r.leadTransferee = m.From
		r.electionElapsed = 0
		return
	}
	r.handleTransferLeader_original(m)
}

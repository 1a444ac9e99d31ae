//go:build mutant

// A candidate restarts its clock with each answer to its vote request: there is
// still something going on. A network that repeats answers keeps a candidate
// without a majority from ever trying again.
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleVoteResponse(m *pb.Message) {
	r.electionElapsed = 0
	r.handleVoteResponse_original(m)
}

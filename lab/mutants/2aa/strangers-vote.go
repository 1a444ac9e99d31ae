//go:build mutant

// Votes are counted from every sender, member or not. A server that was
// removed, or never belonged to the group, can make a leader whom no majority
// of the members elected (§5.2: a majority of the servers in the cluster).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleVoteResponse(m *pb.Message) {
	if r.state == StateCandidate {
		r.countVote(m.From, !m.Reject)
	}
}

//go:build mutant

// Every answer is taken for a vote: Reject is not looked at. A candidate that
// is refused by all becomes leader, beside the one that got the votes (§5.2).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleVoteResponse(m *pb.Message) {
	if r.state == StateCandidate && r.progress(m.From) != nil {
		r.countVote(m.From, true)
	}
}

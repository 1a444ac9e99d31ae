//go:build variant

// A voter that refused may grant its vote later in the same term, and the candidate
// takes it: a vote that was given is a vote, whatever came before it.
//
//lab:variant raft 2AA 2AB 2AC 2C 3A
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleVoteResponse(m *pb.Message) {
	if r.state == StateCandidate && !m.Reject {
		delete(r.votes, m.From)
	}
	r.handleVoteResponse_original(m)
}

func (r *Raft) countVote(from uint64, granted bool) {
	if _, voted := r.votes[from]; !voted {
		r.votes[from] = granted
	}
	yes := 0
	for _, granted := range r.votes {
		if granted {
			yes++
		}
	}
	if yes >= r.quorum() {
		r.becomeLeader()
	}
}

// CheckInvariants leaves out what the reference says of its own candidates.
func (rn *RawNode) CheckInvariants() error {
	return rn.check(invariants[:len(invariants)-len(ownInvariants)])
}

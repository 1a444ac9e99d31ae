//go:build variant

// A candidate that a majority has refused stays one until its timeout, as §5.2 has
// it: it wins, hears of a leader, or times out.
//
//lab:variant raft 2AA 2AB 2AC 2C 3A
package raft

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

//go:build mutant

// The answers are counted as they come, without looking at their senders. A
// network that delivers one vote twice elects a leader without a majority
// (§5.2: votes from a majority of the servers).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) countVote(from uint64, granted bool) {
	r.votes[uint64(len(r.votes))] = granted
	yes := 0
	for _, granted := range r.votes {
		if granted {
			yes++
		}
	}
	no := len(r.votes) - yes
	switch {
	case yes >= r.quorum():
		r.becomeLeader()
	case no >= r.quorum():
		r.becomeFollower(r.term, None)
	}
}

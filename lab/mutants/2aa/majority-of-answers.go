//go:build mutant

// A candidate leads once most of the answers so far are votes, instead of votes
// from most of the members. Its own vote alone is 1 of 1: every server that
// campaigns wins at once (§5.2: a majority of the full cluster).
//
//lab:mutant 2AA raft
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
	no := len(r.votes) - yes
	switch {
	case yes > len(r.votes)/2:
		r.becomeLeader()
	case no > len(r.votes)/2:
		r.becomeFollower(r.term, None)
	}
}

//go:build mutant

// One refusal makes the candidate a follower again. A single server that voted
// otherwise, or has a longer log, prevents an election that a majority wants
// (§5.2: an election is lost when another wins or the time is over).
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
	case yes >= r.quorum():
		r.becomeLeader()
	case no > 0:
		r.becomeFollower(r.term, None)
	}
}

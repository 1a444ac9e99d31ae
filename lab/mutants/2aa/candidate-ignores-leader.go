//go:build mutant

// A candidate gives in to a leader of a later term only, and not to the one of
// its own term, which has won this very election. It goes on campaigning and
// deposes that leader with the next term (§5.2: a leader whose term is at least
// as large is legitimate).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) hearFromLeader(from uint64) bool {
	switch r.state {
	case StateLeader:
		return false
	case StateCandidate:
		return false
	case StateFollower:
		r.lead = from
		r.electionElapsed = 0
	}
	return true
}

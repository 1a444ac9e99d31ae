//go:build mutant

// A follower obeys its leader without noting which server that is. Nothing can
// tell a client where to go (§8: a follower names the most recent leader it has
// heard from).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) hearFromLeader(from uint64) bool {
	switch r.state {
	case StateLeader:
		return false
	case StateCandidate:
		r.becomeFollower(r.term, None)
	case StateFollower:
		r.electionElapsed = 0
	}
	return true
}

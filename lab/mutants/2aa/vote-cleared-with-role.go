//go:build mutant

// Becoming a follower, candidate or leader clears the vote even where the term
// stays the same. A candidate that gives in to the leader of its term forgets
// that it voted for itself, and votes again in that term (§5.2: at most one
// vote in a term).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) reset(term uint64) {
	r.term = term
	r.vote = None
	r.lead = None
	r.votes = nil
	r.leadTransferee = None
	r.pendingConfIndex = 0
	r.heartbeatElapsed = 0
	r.electionElapsed = 0
	r.randomizedElectionTimeout = r.electionTimeout + r.randIntN(r.electionTimeout)
}

//go:build mutant

// The election timeout is random, but is drawn only when the server starts. Two
// servers that drew the same number campaign at the same moment, split the
// vote, and do so again in every later term, forever (§5.2: each candidate
// restarts with a new randomized timeout).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) reset(term uint64) {
	if r.term != term {
		r.term = term
		r.vote = None
	}
	r.lead = None
	r.votes = nil
	r.leadTransferee = None
	r.pendingConfIndex = 0
	r.heartbeatElapsed = 0
	r.electionElapsed = 0
	if r.randomizedElectionTimeout == 0 {
		r.randomizedElectionTimeout = r.electionTimeout + r.randIntN(r.electionTimeout)
	}
}

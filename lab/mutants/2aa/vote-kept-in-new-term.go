//go:build mutant

// A new term does not clear the vote. A server that voted once never votes for
// another candidate, and after a few elections none finds a majority (§5.2: one
// vote per term, not one forever).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) reset(term uint64) {
	if r.term != term {
		r.term = term
	}
	r.lead = None
	r.votes = nil
	r.leadTransferee = None
	r.pendingConfIndex = 0
	r.heartbeatElapsed = 0
	r.electionElapsed = 0
	r.randomizedElectionTimeout = r.electionTimeout + r.randIntN(r.electionTimeout)
}

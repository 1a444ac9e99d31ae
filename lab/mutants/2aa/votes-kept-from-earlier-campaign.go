//go:build mutant

// The votes of an election without a winner stay in the map when the next one
// begins. Half a majority of this term and half of the one before make a
// leader, and another server may have won this term (§5.2: votes of one term).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) reset(term uint64) {
	if r.term != term {
		r.term = term
		r.vote = None
	}
	r.lead = None
	r.leadTransferee = None
	r.pendingConfIndex = 0
	r.heartbeatElapsed = 0
	r.electionElapsed = 0
	r.randomizedElectionTimeout = r.electionTimeout + r.randIntN(r.electionTimeout)
}

func (r *Raft) becomeCandidate() {
	if r.state == StateLeader {
		panic("raft: a leader cannot become candidate")
	}
	r.reset(r.term + 1)
	r.state = StateCandidate
	r.vote = r.id
	if r.votes == nil {
		r.votes = map[uint64]bool{}
	}
}

//go:build mutant

// The timeout is random, but only by one tick: servers wait ElectionTick or
// ElectionTick+1. With five servers some two almost always campaign together,
// and elections need many terms (§5.2, §9.3: the spread must be wide enough to
// separate the candidates).
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
	r.randomizedElectionTimeout = r.electionTimeout + r.randIntN(2)
}

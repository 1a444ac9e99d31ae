//go:build mutant

// A server that hears of a later term keeps the leader that it had until another
// shows up. That one leads a term which is over: clients are sent to it, and it
// can commit nothing for them (§5.2: in a new term the leader is unknown until it
// is heard).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) reset(term uint64) {
	if r.term != term {
		r.term = term
		r.vote = None
	}
	r.votes = nil
	r.leadTransferee = None
	r.pendingConfIndex = 0
	r.heartbeatElapsed = 0
	r.electionElapsed = 0
	r.randomizedElectionTimeout = r.electionTimeout + r.randIntN(r.electionTimeout)
}

func (r *Raft) becomeFollower(term, lead uint64) {
	r.reset(term)
	r.state = StateFollower
	if lead != None {
		r.lead = lead
	}
}

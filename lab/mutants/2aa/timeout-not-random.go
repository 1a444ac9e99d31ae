//go:build mutant

// Every server waits exactly ElectionTick before it campaigns. All followers of
// a dead leader then campaign at once and vote for themselves, so that
// elections often have no winner (§5.2: timeouts are spread over an interval).
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
	r.randomizedElectionTimeout = r.electionTimeout
}

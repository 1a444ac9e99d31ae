//go:build mutant

// The timeout is drawn from [1, 2*ElectionTick) instead of [ElectionTick,
// 2*ElectionTick). A follower that drew a small number deposes a healthy leader
// because one heartbeat came late (§5.6: the broadcast time must stay far below
// every election timeout).
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
	r.randomizedElectionTimeout = 1 + r.randIntN(2*r.electionTimeout-1)
}

//go:build mutant

// A new leader waits for the first proposal and appends nothing of its own.
// What earlier leaders left uncommitted, it may not commit by counting, so that
// it can stay open forever, and clients wait for it (§5.4.2, §8: a no-op at the
// start of the term).
//
//lab:mutant 2AB raft
package raft

func (r *Raft) becomeLeader() {
	if r.state == StateFollower {
		panic("raft: a follower cannot become leader")
	}
	r.reset(r.term)
	r.state = StateLeader
	r.lead = r.id
	last := r.log.LastIndex()
	for _, p := range r.members {
		*p = *newProgress(p.ID, last)
	}
	r.pendingConfIndex = last
}

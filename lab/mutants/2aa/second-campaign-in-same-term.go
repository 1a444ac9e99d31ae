//go:build mutant

// Only a follower raises the term when it campaigns. A candidate whose election
// had no winner asks again in the same term, in which every server has given
// its vote already: no answer can ever change (§5.2: a new election is a new
// term).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) becomeCandidate() {
	if r.state == StateLeader {
		panic("raft: a leader cannot become candidate")
	}
	term := r.term
	if r.state == StateFollower {
		term++
	}
	r.reset(term)
	r.state = StateCandidate
	r.vote = r.id
	r.votes = map[uint64]bool{}
}

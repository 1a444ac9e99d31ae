//go:build mutant

// The candidate counts its own vote and does not write it down as given. Asked
// by another candidate of the same term, it votes a second time, and both can
// have a majority (§5.2: votedFor becomes the candidate itself).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) becomeCandidate() {
	if r.state == StateLeader {
		panic("raft: a leader cannot become candidate")
	}
	r.reset(r.term + 1)
	r.state = StateCandidate
	r.votes = map[uint64]bool{}
}

//go:build mutant

// An entry is committed when any one follower has it. Two of five are no
// majority: the other three elect a leader that has never seen the entry
// (§5.3).
//
//lab:mutant 2AB raft
package raft

func (r *Raft) maybeCommit() bool {
	index := uint64(0)
	for _, p := range r.members {
		if p.ID != r.id || len(r.members) == 1 {
			index = max(index, p.Match)
		}
	}
	if index <= r.log.committed || !r.log.matches(index, r.term) {
		return false
	}
	return r.log.commitTo(index)
}

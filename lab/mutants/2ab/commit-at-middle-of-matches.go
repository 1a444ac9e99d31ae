//go:build mutant

// The match indexes are sorted and the one in the middle is committed. With
// three or five servers that is the majority's, with four it is on two of them
// only (§5.3: more than half).
//
//lab:mutant 2AB raft
package raft

import "slices"

func (r *Raft) maybeCommit() bool {
	if len(r.members) == 0 {
		return false
	}
	match := make([]uint64, 0, len(r.members))
	for _, p := range r.members {
		match = append(match, p.Match)
	}
	slices.Sort(match)
	index := match[len(match)/2]
	if index <= r.log.committed || !r.log.matches(index, r.term) {
		return false
	}
	return r.log.commitTo(index)
}

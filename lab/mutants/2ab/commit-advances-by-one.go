//go:build mutant

// An acknowledgement commits the next entry if a majority has it, and only that
// one. When entries are acknowledged several at a time, the commit index falls
// after, and what is not acknowledged again is never committed (§5.3: the entry
// is committed with all before it; Figure 2: as far as a majority of matchIndex
// allows).
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
	index := match[len(match)-r.quorum()]
	if index <= r.log.committed || !r.log.matches(index, r.term) {
		return false
	}
	return r.log.commitTo(r.log.committed + 1)
}

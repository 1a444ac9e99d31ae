//go:build mutant

// An entry is committed when all servers have it. One that is down stops the
// whole group (§5.3: a majority is enough, slow servers do not matter).
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
	index := match[0]
	if index <= r.log.committed || !r.log.matches(index, r.term) {
		return false
	}
	return r.log.commitTo(index)
}

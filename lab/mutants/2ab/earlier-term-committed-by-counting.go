//go:build mutant

// An entry is committed as soon as a majority has it, whatever its term. Figure
// 8 shows how an entry of an earlier term that a majority had is still
// overwritten, after it has been applied (§5.4.2: only entries of the leader's
// own term are committed by counting).
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
	if index <= r.log.committed {
		return false
	}
	return r.log.commitTo(index)
}

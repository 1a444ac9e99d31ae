//go:build mutant

// The leader counts an entry for a follower once it has sent it, by nextIndex,
// and does not wait for the acknowledgement. Messages get lost: what it commits
// may be on no other server (§5.3, Figure 2: matchIndex counts, nextIndex is a
// guess).
//
//lab:mutant 2AB raft
package raft

import "slices"

func (r *Raft) maybeCommit() bool {
	if len(r.members) == 0 {
		return false
	}
	stored := make([]uint64, 0, len(r.members))
	for _, p := range r.members {
		stored = append(stored, p.Next-1)
	}
	slices.Sort(stored)
	index := stored[len(stored)-r.quorum()]
	if index <= r.log.committed || !r.log.matches(index, r.term) {
		return false
	}
	return r.log.commitTo(index)
}

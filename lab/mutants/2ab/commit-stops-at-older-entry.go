//go:build mutant

// The leader looks at one entry after the other, from the commit index on, and
// stops at the first that may not be committed by counting. If there is one
// entry of an earlier term, that is the first, and nothing is ever committed
// again (§5.4.2: such entries are committed with the first one of the current
// term).
//
//lab:mutant 2AB raft
package raft

func (r *Raft) maybeCommit() bool {
	changed := false
	for index := r.log.committed + 1; index <= r.log.LastIndex(); index++ {
		stored := 0
		for _, p := range r.members {
			if p.Match >= index {
				stored++
			}
		}
		if stored < r.quorum() || !r.log.matches(index, r.term) {
			break
		}
		changed = r.log.commitTo(index)
	}
	return changed
}

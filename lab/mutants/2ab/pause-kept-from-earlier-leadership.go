//go:build mutant

// A leader that waits for an answer of a follower remembers that when it is
// elected anew. The answer will not come, so the follower gets the no-op of the
// new term only after a heartbeat.
//
//lab:mutant 2AB raft
package raft

func (r *Raft) becomeLeader() {
	paused := map[uint64]bool{}
	for _, p := range r.members {
		paused[p.ID] = p.paused
	}
	r.becomeLeader_original()
	for _, p := range r.members {
		p.paused = paused[p.ID]
	}
}

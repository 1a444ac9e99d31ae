//go:build mutant

// A report that a message did not reach a member makes the leader start over
// with it, also while a snapshot is under way. The message may have been a
// heartbeat, and the snapshot may be about to arrive: now there are two.
//
//lab:mutant 2C raft
package raft

func (r *Raft) handleUnreachable(p *Progress) {
	p.snapshot = 0
	p.probe()
}

//go:build mutant

// A new leader believes that no membership change is pending, since no server
// has proposed one to it. Its predecessor may have: the change is in the log,
// not applied, and this leader accepts a second one beside it (thesis §4.1).
//
//lab:mutant 3A raft
package raft

func (r *Raft) becomeLeader() {
	r.becomeLeader_original()
	r.pendingConfIndex = 0
}

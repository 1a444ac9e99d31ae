//go:build mutant

// The index of the pending membership change is kept when the node stops
// leading. If the change is replaced by another leader's entries, the node
// leads again with a shorter log, and refuses changes until its log is as long
// as it was.
//
//lab:mutant 3A raft
package raft

func (r *Raft) reset(term uint64) {
	pending := r.pendingConfIndex
	r.reset_original(term)
	r.pendingConfIndex = pending
}

func (r *Raft) becomeLeader() {
	pending := r.pendingConfIndex
	r.becomeLeader_original()
	r.pendingConfIndex = max(pending, r.pendingConfIndex)
}

//go:build mutant

// Adding a node always makes a new record of its progress, also if it is a member
// already. A change that is proposed twice makes the leader forget what that
// member, or even itself, has acknowledged: entries that were about to be
// committed no longer are.
//
//lab:mutant 3A raft
package raft

func (r *Raft) addNode(id uint64) {
	if p := r.progress(id); p != nil {
		*p = *newProgress(id, r.log.LastIndex())
		return
	}
	r.addNode_original(id)
}

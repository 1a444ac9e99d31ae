//go:build mutant

// A leader remembers which members it has removed, so that their late messages
// do no harm, and does not take them back either when they are added again.
//
//lab:mutant 3A raft
package raft

func (r *Raft) addNode(id uint64) {
	if _, removed := r.removed[id]; !removed {
		r.addNode_original(id)
	}
}

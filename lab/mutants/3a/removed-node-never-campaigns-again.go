//go:build mutant

// A node that has applied its own removal notes that it is out, and does not
// look again when it is added once more. It counts as a member, and never stands
// for election.
//
//lab:mutant 3A raft
package raft

import "sync"

var removedNodes sync.Map

func (r *Raft) removeNode(id uint64) {
	if id == r.id {
		removedNodes.Store(r, true)
	}
	r.removeNode_original(id)
}

func (r *Raft) campaign() {
	if _, removed := removedNodes.Load(r); !removed {
		r.campaign_original()
	}
}

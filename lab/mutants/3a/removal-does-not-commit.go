//go:build mutant

// When a member is removed, the leader takes it off its list and leaves it at
// that. The majority may have become smaller, and entries that waited for one
// more answer be on a majority already. No answer is still to come, so they
// wait until something new is proposed (thesis §4.1).
//
//lab:mutant 3A raft
package raft

import (
	"slices"
)

func (r *Raft) removeNode(id uint64) {
	r.members = slices.DeleteFunc(r.members, func(p *Progress) bool { return p.ID == id })
	if r.state != StateLeader {
		return
	}
	if id == r.id {
		r.becomeFollower(r.term, None)
		return
	}
	if r.leadTransferee == id {
		r.leadTransferee = None
	}
}

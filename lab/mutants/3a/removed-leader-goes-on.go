//go:build mutant

// A leader that has applied its own removal goes on leading: it sends heartbeats
// and takes proposals, without counting itself. The group cannot elect one of its
// members, and depends on a machine that its operator believes can be switched
// off (thesis §4.2.2: it steps down once its removal is committed).
//
//lab:mutant 3A raft
package raft

import "slices"

func (r *Raft) removeNode(id uint64) {
	if id != r.id {
		r.removeNode_original(id)
		return
	}
	r.members = slices.DeleteFunc(r.members, func(p *Progress) bool { return p.ID == id })
	if r.state == StateLeader {
		r.maybeCommit()
	}
}

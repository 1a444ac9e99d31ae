//go:build variant

// A leader that was removed leads until its next heartbeat, without counting itself.
// With that heartbeat the others learn that the removal is committed. It is what
// keeps a group of two from getting stuck (thesis §4.2.2 has it step down once the
// removal is committed, and does not say within how many ticks).
//
//lab:variant raft 3A
package raft

import "slices"

func (r *Raft) removeNode(id uint64) {
	if id != r.id || r.state != StateLeader {
		r.removeNode_original(id)
		return
	}
	r.members = slices.DeleteFunc(r.members, func(p *Progress) bool { return p.ID == id })
	r.maybeCommit()
}

func (r *Raft) broadcastHeartbeat() {
	r.broadcastHeartbeat_original()
	if r.progress(r.id) == nil {
		r.replicate()
		r.becomeFollower(r.term, None)
	}
}

// CheckInvariants leaves out what the reference says of its own progress.
func (rn *RawNode) CheckInvariants() error {
	return rn.check(invariants[:len(invariants)-len(ownInvariants)])
}

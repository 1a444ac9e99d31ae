//go:build variant

// A new member gets appends once it has answered a heartbeat: before, it may not
// have started.
//
//lab:variant raft 3A
package raft

func (r *Raft) addNode(id uint64) {
	known := r.progress(id) != nil
	r.addNode_original(id)
	if p := r.progress(id); p != nil && !known {
		p.paused, p.nudge = true, false
	}
}

// CheckInvariants leaves out what the reference says of its own progress.
func (rn *RawNode) CheckInvariants() error {
	return rn.check(invariants[:len(invariants)-len(ownInvariants)])
}

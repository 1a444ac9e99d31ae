//go:build mutant

// Adding a member sets up the progress of all members anew. What the others have
// acknowledged is forgotten, so their next acknowledgement counts for less than
// they have, and heartbeats tell them nothing.
//
//lab:mutant 3A raft
package raft

func (r *Raft) addNode(id uint64) {
	if r.progress(id) != nil {
		return
	}
	r.setMembers(append(r.confState().Nodes, id))
	if p := r.progress(r.id); p != nil {
		p.acknowledge(r.log.LastIndex())
	}
}

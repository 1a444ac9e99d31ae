//go:build mutant

// The leader starts the record of a new member with its own last index as what
// matches. The new member has nothing yet, but is counted as if it had
// everything: an entry can be committed that only the leader has, and heartbeats
// tell the new member of a commit index it cannot have (§5.3, thesis §4.2.1).
//
//lab:mutant 3A raft
package raft

func (r *Raft) addNode(id uint64) {
	if r.progress(id) != nil {
		return
	}
	r.addNode_original(id)
	r.progress(id).Match = r.log.LastIndex()
}

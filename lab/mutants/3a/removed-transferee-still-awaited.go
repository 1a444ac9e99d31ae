//go:build mutant

// A member that is removed while the leader hands over to it stays the
// transferee. It will never acknowledge anything again that counts, and until the
// time-out the leader refuses proposals for its sake.
//
//lab:mutant 3A raft
package raft

func (r *Raft) removeNode(id uint64) {
	transferee := r.leadTransferee
	r.removeNode_original(id)
	if r.state == StateLeader {
		r.leadTransferee = transferee
	}
}

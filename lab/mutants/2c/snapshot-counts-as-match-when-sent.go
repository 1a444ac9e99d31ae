//go:build mutant

// When the leader sends a snapshot, it notes that the follower's log matches up
// to there. Only the answer says so: if the snapshot gets lost, heartbeats tell
// the follower to commit entries of its own that may be wrong, and rejections
// cannot take the leader back to where the follower really is (§5.3, §7).
//
//lab:mutant 2C raft
package raft

func (r *Raft) sendSnapshot(p *Progress) {
	r.sendSnapshot_original(p)
	if p.State == StateSnapshot {
		p.Match = p.snapshot
	}
}

//go:build mutant

// Every rejection makes the leader go back to where it points, also one that
// was overtaken by an acknowledgement, and below what the follower is known to
// have. The follower then gets again what it has long acknowledged (§5.3;
// Figure 2: nextIndex is above matchIndex).
//
//lab:mutant 2AB raft
package raft

func (p *Progress) reject(index, hint uint64) bool {
	if p.State == StateSnapshot {
		return false
	}
	if p.State == StateReplicate {
		p.probe()
	}
	p.Next = max(min(index, hint+1), 1)
	p.paused, p.nudge = false, true
	return true
}

//go:build mutant

// After a rejection the leader sends the same append once more, instead of one
// that begins earlier. A follower whose log differs is never repaired (§5.3: it
// decrements nextIndex and retries).
//
//lab:mutant 2AB raft
package raft

func (p *Progress) reject(index, hint uint64) bool {
	if p.State == StateReplicate {
		if index <= p.Match {
			return false
		}
		next := p.Next
		p.probe()
		p.Next = next
		return true
	}
	if p.State == StateSnapshot || index != p.Next-1 {
		return false
	}
	p.paused, p.nudge = false, true
	return true
}

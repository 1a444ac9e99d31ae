//go:build mutant

// Once a follower has accepted an append, the leader takes it for synchronized
// and ignores its rejections as relics. But an append that was lost on the way
// leaves a gap, all later ones are rejected, and the follower lags on forever
// (§5.3).
//
//lab:mutant 2AB raft
package raft

func (p *Progress) reject(index, hint uint64) bool {
	if p.State != StateProbe || index != p.Next-1 {
		return false
	}
	p.Next = max(min(index, hint+1), p.Match+1)
	p.paused, p.nudge = false, true
	return true
}

//go:build mutant

// The leader sets matchIndex to what the last answer said. An acknowledgement
// that was overtaken takes it back, and an entry that was on a majority is no
// longer counted (Figure 2: matchIndex increases monotonically).
//
//lab:mutant 2AB raft
package raft

func (p *Progress) acknowledge(index uint64) bool {
	p.paused = false
	p.Next = max(p.Next, index+1)
	if index == p.Match {
		return false
	}
	p.Match = index
	return true
}

//go:build mutant

// When the entries that a follower needs are compacted, the leader sends those
// that it still has. The follower has nothing before them and rejects, forever:
// there is no snapshot to fill the gap (§7).
//
//lab:mutant 2C raft
package raft

func (r *Raft) sendAppend(p *Progress) bool {
	p.Next = max(p.Next, r.log.FirstIndex())
	return r.sendAppend_original(p)
}

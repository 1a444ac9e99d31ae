//go:build mutant

// The leader sends a snapshot if the follower's next entry is the first of its
// own log, instead of before it. A follower that has just taken over a snapshot
// is exactly there: it gets the snapshot again, and again, and never an entry.
//
//lab:mutant 2C raft
package raft

func (r *Raft) sendAppend(p *Progress) bool {
	first := r.log.FirstIndex()
	behind := first > 1 && p.Next <= first && p.Next <= r.log.LastIndex()
	if behind && p.State != StateSnapshot && !p.paused {
		r.sendSnapshot(p)
		return false
	}
	return r.sendAppend_original(p)
}

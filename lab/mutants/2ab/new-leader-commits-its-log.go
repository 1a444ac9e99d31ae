//go:build mutant

// A new leader takes its whole log for committed, since a leader has all
// committed entries. The reverse does not hold: it may have entries that no
// majority ever had, and the next leader replaces them (§5.4: Leader
// Completeness says what a leader has, not what is committed).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) becomeLeader() {
	if r.state == StateFollower {
		panic("raft: a follower cannot become leader")
	}
	r.reset(r.term)
	r.state = StateLeader
	r.lead = r.id
	last := r.log.LastIndex()
	r.log.commitTo(last)
	for _, p := range r.members {
		*p = *newProgress(p.ID, last)
	}
	r.pendingConfIndex = last + 1
	r.appendEntries(&pb.Entry{})
}

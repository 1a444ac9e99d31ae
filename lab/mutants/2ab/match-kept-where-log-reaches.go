//go:build mutant

// A server that leads again still believes what it knew about the followers
// when it led before, as far as its own log reaches. None of its new entries is
// counted too early; but a heartbeat tells a follower to commit what has been
// replaced since, and an append never goes back below it (Figure 2: matchIndex is
// reinitialized after election).
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
	for _, p := range r.members {
		match := min(p.Match, last)
		*p = *newProgress(p.ID, last)
		p.Match = match
	}
	r.pendingConfIndex = last + 1
	r.appendEntries(&pb.Entry{})
}

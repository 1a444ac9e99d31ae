//go:build mutant

// A server that leads again still believes what it knew about the followers
// when it led before. Their logs may have been cut since, and entries are
// counted that they no longer have (Figure 2: matchIndex is reinitialized after
// election).
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
		match := p.Match
		*p = *newProgress(p.ID, last)
		p.Match = match
	}
	r.pendingConfIndex = last + 1
	r.appendEntries(&pb.Entry{})
}

//go:build mutant

// A new leader begins with a clean log: it removes what it does not know to be
// committed. But the old leader may have committed exactly these entries
// without having told any server yet, and they are lost (§5.3: a leader never
// deletes entries of its own log; §5.4.1 is there so that it has them all).
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
	if committed := r.log.committed; committed < r.log.LastIndex() {
		noop := &pb.Entry{Term: r.term, Index: committed + 1}
		r.log.append(noop)
	}
	last := r.log.LastIndex()
	for _, p := range r.members {
		*p = *newProgress(p.ID, last)
	}
	r.pendingConfIndex = last + 1
	r.appendEntries(&pb.Entry{})
}

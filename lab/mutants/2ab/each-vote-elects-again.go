//go:build mutant

// Votes are still counted after the election is won, and each one makes the
// server leader once more: with another no-op, and with everything forgotten
// that it had learned about its followers (§5.2: it becomes leader once in a
// term).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) becomeLeader() {
	if r.state == StateFollower {
		panic("raft: a follower cannot become leader")
	}
	votes := r.votes
	r.reset(r.term)
	r.votes = votes
	r.state = StateLeader
	r.lead = r.id
	last := r.log.LastIndex()
	for _, p := range r.members {
		*p = *newProgress(p.ID, last)
	}
	r.pendingConfIndex = last + 1
	r.appendEntries(&pb.Entry{})
}

func (r *Raft) handleVoteResponse(m *pb.Message) {
	if r.state != StateFollower && r.progress(m.From) != nil {
		r.countVote(m.From, !m.Reject)
	}
}

//go:build mutant

// Votes are counted in every role, as only a candidate should get any. But the
// answers to a campaign that is over still arrive, when the candidate has given
// in to another leader of the same term: they make it a second one (§5.2: only
// a candidate can win an election).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleVoteResponse(m *pb.Message) {
	if r.state == StateLeader || r.progress(m.From) == nil {
		return
	}
	if r.votes == nil {
		r.votes = map[uint64]bool{}
	}
	r.countVote(m.From, !m.Reject)
}

func (r *Raft) becomeLeader() {
	r.reset(r.term)
	r.state = StateLeader
	r.lead = r.id
	last := r.log.LastIndex()
	for _, p := range r.members {
		*p = *newProgress(p.ID, last)
	}
	r.pendingConfIndex = last + 1
	r.appendEntries(&pb.Entry{})
}

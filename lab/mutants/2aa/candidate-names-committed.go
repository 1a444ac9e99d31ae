//go:build mutant

// The vote request describes the log up to the commit index instead of up to
// its end. The candidate looks worse than it is: the one server that has an
// entry which was committed without its knowledge is refused by every server
// (§5.4.1).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) campaign() {
	if r.state == StateLeader || r.progress(r.id) == nil || r.hasPendingConfChange() {
		return
	}
	r.becomeCandidate()
	last := r.log.committed
	term, err := r.log.Term(last)
	if err != nil {
		panic(err)
	}
	for _, p := range r.members {
		if p.ID != r.id {
			r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVote, To: p.ID, Index: last, LogTerm: term})
		}
	}
	r.countVote(r.id, true)
}

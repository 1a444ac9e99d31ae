//go:build mutant

// A follower commits up to the leader's commit index or the end of its own log,
// whichever is less. Behind the entries of the append there may be others,
// which never were compared and which the leader does not have: they get
// committed (Figure 2: the minimum of leaderCommit and the index of the last
// new entry).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppend(m *pb.Message) {
	answer := &pb.Message{MsgType: pb.MessageType_MsgAppendResponse, To: m.From}
	switch {
	case m.Index < r.log.committed:
		answer.Index = r.log.committed

	case !r.log.matches(m.Index, m.LogTerm):
		hint, term := r.log.lastIndexOfTerm(min(m.Index, r.log.LastIndex()), m.LogTerm)
		answer.Reject = true
		answer.Index = m.Index
		answer.RejectHint = hint
		answer.LogTerm = term

	default:
		if at := r.log.findConflict(m.Entries); at != 0 {
			r.log.append(m.Entries[at-m.Entries[0].Index:]...)
		}
		matched := m.Index + uint64(len(m.Entries))
		r.log.commitTo(min(m.Commit, r.log.LastIndex()))
		answer.Index = matched
	}
	r.send(answer)
}

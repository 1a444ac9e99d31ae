//go:build mutant

// An append that begins before the follower's commit index is rejected as old.
// A leader that knows less, because it is new or an answer was lost, begins
// exactly there: it is refused again and again, and never finds the follower's
// place (§5.3: what is committed is the same in both logs, so it matches).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppend(m *pb.Message) {
	answer := &pb.Message{MsgType: pb.MessageType_MsgAppendResponse, To: m.From}
	switch {
	case m.Index < r.log.committed:
		answer.Reject = true
		answer.Index = m.Index
		answer.RejectHint = m.Index

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
		r.log.commitTo(min(m.Commit, matched))
		answer.Index = matched
	}
	r.send(answer)
}

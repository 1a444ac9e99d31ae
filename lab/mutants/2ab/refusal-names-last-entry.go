//go:build mutant

// A refusal carries the index of the follower's last entry instead of the one
// that did not match. The leader cannot tell which of its appends was refused,
// takes the answer for an old one, and does not go back (the package comment:
// index of a refused MsgAppend).
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
		answer.Index = r.log.LastIndex()
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

//go:build mutant

// A follower takes over the leader's commit index even if its log does not
// reach that far yet. It has committed entries that it does not know, and will
// take whatever comes there later for committed (Figure 2: the minimum).
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
		r.log.commitTo(m.Commit)
		answer.Index = matched
	}
	r.send(answer)
}

func (l *Log) commitTo(i uint64) bool {
	if i <= l.committed {
		return false
	}
	l.committed = i
	return true
}

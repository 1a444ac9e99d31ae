//go:build mutant

// A follower always cuts its log after the entry that the append names, and
// then adds the new ones. An old append that arrives late removes entries which
// the follower has acknowledged since, and which may be committed (Figure 2:
// delete only if an entry conflicts).
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
		entries := m.Entries
		for len(entries) > 0 && entries[0].Index <= r.log.committed {
			entries = entries[1:]
		}
		r.log.append(entries...)
		matched := m.Index + uint64(len(m.Entries))
		r.log.commitTo(min(m.Commit, matched))
		answer.Index = matched
	}
	r.send(answer)
}

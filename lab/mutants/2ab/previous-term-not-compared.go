//go:build mutant

// A follower accepts an append if it has an entry at the index before, whatever
// that entry's term is. From there on its log looks like the leader's, and
// differs from it further up (§5.3, Figure 2: an entry at prevLogIndex whose
// term matches prevLogTerm).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppend(m *pb.Message) {
	answer := &pb.Message{MsgType: pb.MessageType_MsgAppendResponse, To: m.From}
	switch {
	case m.Index < r.log.committed:
		answer.Index = r.log.committed

	case m.Index > r.log.LastIndex():
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

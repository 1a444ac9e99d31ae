//go:build mutant

// A follower compares the first entry of an append, and if that one is in its
// log it takes the rest for known too, as far as its log goes. The conflict may
// come later in the message: the entries after it stay (§5.3, Figure 2: any
// existing entry that conflicts with a new one).
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
		if entries := m.Entries; len(entries) > 0 {
			if first := entries[0]; r.log.matches(first.Index, first.Term) {
				known := min(r.log.LastIndex()+1-first.Index, uint64(len(entries)))
				entries = entries[known:]
			}
			r.log.append(entries...)
		}
		matched := m.Index + uint64(len(m.Entries))
		r.log.commitTo(min(m.Commit, matched))
		answer.Index = matched
	}
	r.send(answer)
}

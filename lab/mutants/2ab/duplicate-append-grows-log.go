//go:build mutant

// A follower puts the entries of every append after the end of its log, at the
// next free index. An append that the network delivers twice is there twice,
// and applied twice (Figure 2: append only entries that are not in the log
// already).
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
		for _, e := range m.Entries {
			r.log.append(&pb.Entry{Term: e.Term, Index: r.log.LastIndex() + 1, EntryType: e.EntryType, Data: e.Data})
		}
		matched := m.Index + uint64(len(m.Entries))
		r.log.commitTo(min(m.Commit, matched))
		answer.Index = matched
	}
	r.send(answer)
}

//go:build mutant

// A follower stores the entries of an append with the term of the message
// instead of their own. After a change of leader its log differs from all
// others in terms; it rejects the appends that follow, and looks newer in
// elections than it is (§5.3: an entry keeps its term).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppend(m *pb.Message) {
	answer := &pb.Message{MsgType: pb.MessageType_MsgAppendResponse, To: m.From}
	entries := make([]*pb.Entry, 0, len(m.Entries))
	for _, e := range m.Entries {
		entries = append(entries, &pb.Entry{Term: m.Term, Index: e.Index, EntryType: e.EntryType, Data: e.Data})
	}
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
		if at := r.log.findConflict(entries); at != 0 {
			r.log.append(entries[at-entries[0].Index:]...)
		}
		matched := m.Index + uint64(len(m.Entries))
		r.log.commitTo(min(m.Commit, matched))
		answer.Index = matched
	}
	r.send(answer)
}

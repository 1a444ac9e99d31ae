//go:build mutant

// A follower takes over the leader's commit index before it looks whether the
// logs agree. An append that it then rejects has committed entries that the
// leader is about to replace (Figure 2: commitIndex is the last of the
// receiver's steps).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppend(m *pb.Message) {
	answer := &pb.Message{MsgType: pb.MessageType_MsgAppendResponse, To: m.From}
	r.log.commitTo(m.Commit)
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
		r.log.commitTo(min(m.Commit, matched))
		answer.Index = matched
	}
	r.send(answer)
}

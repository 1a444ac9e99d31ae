//go:build mutant

// An append that begins below the commit index and reaches past it is cut to
// what comes after the commit index, and handled like one that begins there. It
// has no entries after the commit index if it ends there, and the follower then
// commits as far as its own log reaches.
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppend(m *pb.Message) {
	if m.Index >= r.log.committed || m.Index+uint64(len(m.Entries)) < r.log.committed {
		r.handleAppend_original(m)
		return
	}
	entries := m.Entries[r.log.committed-m.Index:]
	matched := r.log.LastIndex()
	if at := r.log.findConflict(entries); at != 0 {
		r.log.append(entries[at-entries[0].Index:]...)
		matched = r.log.LastIndex()
	}
	r.log.commitTo(min(m.Commit, matched))
	r.send(&pb.Message{
		MsgType: pb.MessageType_MsgAppendResponse, To: m.From,
		Index: m.Index + uint64(len(m.Entries)),
	})
}

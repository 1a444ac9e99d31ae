//go:build mutant

// A follower that misses the entry before an append drops the append without an
// answer. The leader does not learn that it has to go back, and sends the same
// again forever (§5.3: the follower refuses, and the leader retries with a
// lower nextIndex).
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
		return

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

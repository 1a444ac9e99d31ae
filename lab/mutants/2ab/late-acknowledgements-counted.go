//go:build mutant

// Requests of an earlier term are rejected, but acknowledgements of an earlier
// term are counted as if they were for this one. They speak of entries that the
// leader itself, or the follower, may have replaced since (§5.1: what belongs
// to an old term is not obeyed).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) Step(m *pb.Message) error {
	if m.MsgType == pb.MessageType_MsgAppendResponse && m.Term != 0 && m.Term < r.term {
		if p := r.progress(m.From); p != nil && r.state == StateLeader {
			r.handleAppendResponse(p, m)
		}
		return nil
	}
	return r.Step_original(m)
}

//go:build mutant

// Vote requests and heartbeats are checked for their term, appends are not: the
// entries come from a leader, after all. One that was deposed goes on writing
// into the logs of the followers of its successor (§5.1, Figure 2: reply false
// if the term is older).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) Step(m *pb.Message) error {
	if m.MsgType == pb.MessageType_MsgAppend && m.Term != 0 && m.Term < r.term && r.state != StateLeader {
		r.lead, r.electionElapsed = m.From, 0
		r.handleAppend(m)
		return nil
	}
	return r.Step_original(m)
}

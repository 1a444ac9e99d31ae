//go:build mutant

// The election timer restarts with every heartbeat, before the receiver looks
// at its term. A leader that was cut off, and does not know of the new term,
// can keep the others from electing one (Figure 2: only the current leader
// resets the timer).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) Step(m *pb.Message) error {
	if isFromLeader(m.MsgType) {
		r.electionElapsed = 0
	}
	return r.Step_original(m)
}

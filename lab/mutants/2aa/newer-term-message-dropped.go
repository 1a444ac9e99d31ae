//go:build mutant

// A message of a later term updates the term, and is then dropped as if that
// were all that it is good for. Every vote request comes in a new term, so no
// candidate gets a vote the first time it asks (Figure 2: then go on with the
// request).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) Step(m *pb.Message) error {
	if m.Term > r.term {
		r.becomeFollower(m.Term, None)
		return nil
	}
	return r.Step_original(m)
}

//go:build mutant

// A later term is copied into the server, and nothing else changes. The leader
// of the old term calls itself leader of the new one, in which another server
// may have been elected (§5.1: it reverts to follower).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) Step(m *pb.Message) error {
	if m.Term > r.term {
		r.term, r.vote = m.Term, None
	}
	return r.Step_original(m)
}

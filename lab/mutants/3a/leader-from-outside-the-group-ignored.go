//go:build mutant

// A node obeys only a leader that is a member of the group as the node knows it. A
// new node knows no members, and a follower that lags may not have applied the
// change that added its leader: neither ever gets the entries from which it would
// learn better (thesis §4.1: a server accepts AppendEntries from a leader that is
// not in its latest configuration).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) Step(m *pb.Message) error {
	if isFromLeader(m.MsgType) && r.progress(m.From) == nil {
		return nil
	}
	return r.Step_original(m)
}

//go:build mutant

// The leader goes on taking proposals while it hands over. Under load its log
// grows as fast as the transferee catches up, so the hand-over never happens, or
// it happens and the last proposals are lost with it (thesis §3.10: the prior
// leader stops accepting new client requests).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) propose(entries []*pb.Entry) error {
	transferee := r.leadTransferee
	r.leadTransferee = None
	err := r.propose_original(entries)
	r.leadTransferee = transferee
	return err
}

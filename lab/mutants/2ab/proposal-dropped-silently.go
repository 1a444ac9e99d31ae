//go:build mutant

// A server that does not lead drops a proposal and reports success. Its caller
// waits for an entry that was never appended, and has no reason to try another
// server (the contract of Step and Propose: ErrNotLeader).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) propose(entries []*pb.Entry) error {
	if r.state != StateLeader {
		return nil
	}
	return r.propose_original(entries)
}

//go:build mutant

// A leader that hands over refuses proposals as if it were not the leader. Its
// caller looks for another leader, finds none while the transfer is under way, and
// is sent back here (the contract of propose: ErrLeaderTransfer).
//
//lab:mutant 3A raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) propose(entries []*pb.Entry) error {
	err := r.propose_original(entries)
	if err == ErrLeaderTransfer {
		return ErrNotLeader
	}
	return err
}

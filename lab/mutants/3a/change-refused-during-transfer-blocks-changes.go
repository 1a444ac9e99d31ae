//go:build mutant

// A membership change is noted as pending before the leader looks whether it is
// handing over. If the transfer fails, the change that was refused meanwhile
// blocks those after it.
//
//lab:mutant 3A raft
package raft

import (
	"math"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) propose(entries []*pb.Entry) error {
	err := r.propose_original(entries)
	if err == ErrLeaderTransfer && len(entries) == 1 && entries[0].EntryType == pb.EntryType_EntryConfChange {
		r.pendingConfIndex = math.MaxUint64
	}
	return err
}

//go:build mutant

// A proposal with two membership changes is refused at the second, when the
// first is already noted as pending. It never comes into the log, so it is never
// applied, and no change is taken again.
//
//lab:mutant 3A raft
package raft

import (
	"math"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) propose(entries []*pb.Entry) error {
	err := r.propose_original(entries)
	if err == ErrConfChangePending && r.pendingConfIndex <= r.log.applied {
		r.pendingConfIndex = math.MaxUint64
	}
	return err
}

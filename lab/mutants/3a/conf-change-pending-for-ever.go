//go:build mutant

// The leader notes that a membership change is pending, and does not notice when
// it has been applied. The first change of its term is the last.
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) propose(entries []*pb.Entry) error {
	for _, e := range entries {
		if e.EntryType == pb.EntryType_EntryConfChange && r.pendingConfIndex != 0 {
			return ErrConfChangePending
		}
	}
	return r.propose_original(entries)
}

//go:build mutant

// Whether a membership change is pending is looked at once, before the entries of
// a proposal are walked through. If one proposal holds two changes, both are
// appended: two changes are under way at once (thesis §4.1).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) propose(entries []*pb.Entry) error {
	switch {
	case r.state != StateLeader:
		return ErrNotLeader
	case r.leadTransferee != None:
		return ErrLeaderTransfer
	}
	pending := r.pendingConfIndex > r.log.applied
	for i, e := range entries {
		if e.EntryType != pb.EntryType_EntryConfChange {
			continue
		}
		if pending {
			return ErrConfChangePending
		}
		r.pendingConfIndex = r.log.LastIndex() + 1 + uint64(i)
	}
	r.appendEntries(entries...)
	return nil
}

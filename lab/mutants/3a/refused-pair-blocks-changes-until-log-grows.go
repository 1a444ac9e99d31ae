//go:build mutant

// A proposal with two membership changes is refused at the second, when the
// index of the first is already noted as pending. Nothing was appended there, so
// in a group without other proposals that index is never applied.
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
	for i, e := range entries {
		if e.EntryType != pb.EntryType_EntryConfChange {
			continue
		}
		if r.pendingConfIndex > r.log.applied {
			return ErrConfChangePending
		}
		r.pendingConfIndex = r.log.LastIndex() + 1 + uint64(i)
	}
	r.appendEntries(entries...)
	return nil
}

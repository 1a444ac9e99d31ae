//go:build mutant

// A membership change is appended like any other entry, however many are under
// way. With two at once, a majority of the old members and one of the newest need
// not share a member, and each can elect a leader (thesis §4.1).
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
	r.appendEntries(entries...)
	return nil
}

//go:build mutant

// A server appends a proposal to its log whether it leads or not, and says that
// all is well. A follower then has entries which no leader sent; the next
// append removes them, and with them what the client believes accepted (§5.1:
// clients' requests go through the leader).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) propose(entries []*pb.Entry) error {
	if r.leadTransferee != None {
		return ErrLeaderTransfer
	}
	pending := r.pendingConfIndex
	for i, e := range entries {
		if e.EntryType != pb.EntryType_EntryConfChange {
			continue
		}
		if pending > r.log.applied {
			return ErrConfChangePending
		}
		pending = r.log.LastIndex() + 1 + uint64(i)
	}
	r.pendingConfIndex = pending
	r.appendEntries(entries...)
	return nil
}

//go:build mutant

// The next membership change is accepted as soon as the one before is committed.
// But a change is in effect only once it is applied, and until then this leader
// still counts with the group before it: two changes are under way, and the
// majorities of the first and the last group may not overlap (thesis §4.1).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) propose(entries []*pb.Entry) error {
	if r.pendingConfIndex <= r.log.committed {
		r.pendingConfIndex = 0
	}
	return r.propose_original(entries)
}

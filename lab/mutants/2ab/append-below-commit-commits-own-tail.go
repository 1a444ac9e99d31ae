//go:build mutant

// A follower acknowledges an append that begins below its commit index without
// a comparison, and takes the leader's commit index on the way. What it has
// after its own commit index was never compared: it may be the tail of a deposed
// leader, and is committed now (Figure 2: the last entry of this append is the
// bound).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppend(m *pb.Message) {
	if m.Index < r.log.committed {
		r.log.commitTo(m.Commit)
	}
	r.handleAppend_original(m)
}

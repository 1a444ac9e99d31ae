//go:build mutant

// A leader notes the index of the first entry of a proposal as that of the
// membership change in it. When the change comes last, the next one is taken
// before it is applied.
//
//lab:mutant 3A raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) propose(entries []*pb.Entry) error {
	before, at := r.pendingConfIndex, r.log.LastIndex()+1
	err := r.propose_original(entries)
	if err == nil && r.pendingConfIndex != before {
		r.pendingConfIndex = at
	}
	return err
}

//go:build mutant

// Whether something can be committed is asked only when a follower answers. In
// a group of one there is no follower: it takes proposals and never commits any
// (§5.3: one of one is a majority).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) appendEntries(entries ...*pb.Entry) {
	last := r.log.LastIndex()
	for i, e := range entries {
		e.Term = r.term
		e.Index = last + 1 + uint64(i)
	}
	r.log.append(entries...)
	if p := r.progress(r.id); p != nil {
		p.acknowledge(r.log.LastIndex())
	}
}

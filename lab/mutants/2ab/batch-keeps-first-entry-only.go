//go:build mutant

// A proposal may carry several entries, and only the first is appended. The
// others were accepted without an error and are gone (the contract of
// MsgPropose).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) appendEntries(entries ...*pb.Entry) {
	entries = entries[:min(1, len(entries))]
	last := r.log.LastIndex()
	for i, e := range entries {
		e.Term = r.term
		e.Index = last + 1 + uint64(i)
	}
	r.log.append(entries...)
	if p := r.progress(r.id); p != nil {
		p.acknowledge(r.log.LastIndex())
		r.maybeCommit()
	}
}

//go:build mutant

// A proposal gets the term of the entry before it instead of the leader's.
// Nothing of the new term ever stands in the log: the no-op cannot commit
// anything, and two leaders can create different entries with the same index
// and term (§5.3: an entry has the term in which the leader received it).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) appendEntries(entries ...*pb.Entry) {
	last := r.log.LastIndex()
	for i, e := range entries {
		e.Term = r.log.lastTerm()
		e.Index = last + 1 + uint64(i)
	}
	r.log.append(entries...)
	if p := r.progress(r.id); p != nil {
		p.acknowledge(r.log.LastIndex())
		r.maybeCommit()
	}
}

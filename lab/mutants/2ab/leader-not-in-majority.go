//go:build mutant

// The leader counts how many followers have an entry, and forgets that it has
// it too. Three servers of which one is down no longer commit anything (§5.3:
// on a majority of the servers, the leader among them).
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
		r.maybeCommit()
	}
}

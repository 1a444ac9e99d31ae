//go:build mutant

// New entries go after the commit index, as if what lies after were only a
// draft. Proposals that come faster than their acknowledgements replace one
// another, and a new leader removes what its predecessor may have committed
// (§5.3, Figure 3: a leader only appends to its own log).
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) appendEntries(entries ...*pb.Entry) {
	last := r.log.committed
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

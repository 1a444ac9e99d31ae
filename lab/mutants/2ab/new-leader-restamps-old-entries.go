//go:build mutant

// A new leader gives the uncommitted entries of its log its own term, so that
// it can commit them by counting. The same index and term then no longer mean
// the same entry: a follower that has the original keeps it under another term,
// and the rule which compares logs by their last terms is undermined (§5.3,
// §5.4.2: entries keep the term of the leader that created them).
//
//lab:mutant 2AB raft
package raft

import (
	"slices"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) becomeLeader() {
	if r.state == StateFollower {
		panic("raft: a follower cannot become leader")
	}
	r.reset(r.term)
	r.state = StateLeader
	r.lead = r.id
	last := r.log.LastIndex()
	for next := r.log.committed + 1; next <= last; {
		old, err := r.log.Entries(next, last+1, NoLimit)
		if err != nil {
			panic(err)
		}
		rest := old
		if end := next + uint64(len(old)); end <= last {
			tail, err := r.log.Entries(end, last+1, NoLimit)
			if err != nil {
				panic(err)
			}
			rest = append(slices.Clone(old), tail...)
		}
		stamped := make([]*pb.Entry, 0, len(rest))
		for _, e := range rest {
			stamped = append(stamped, &pb.Entry{Term: r.term, Index: e.Index, EntryType: e.EntryType, Data: e.Data})
		}
		r.log.append(stamped...)
		next = last + 1
	}
	for _, p := range r.members {
		*p = *newProgress(p.ID, last)
	}
	r.pendingConfIndex = last + 1
	r.appendEntries(&pb.Entry{})
}

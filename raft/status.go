package raft

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Status is a copy of a node's state, to be shown and tested.
type Status struct {
	ID uint64

	// Term, Vote and Commit are the hard state.
	Term, Vote, Commit uint64

	SoftState

	// Applied is the index of the last entry that the application applied.
	Applied uint64

	// LeadTransferee is the member to which a leader is handing over, or None.
	LeadTransferee uint64

	// Nodes are the members of the group, in ascending order.
	Nodes []uint64

	// Progress is what a leader knows about each member. It is nil for others.
	Progress map[uint64]Progress
}

func (r *Raft) basicStatus() Status {
	return Status{
		ID:             r.id,
		Term:           r.term,
		Vote:           r.vote,
		Commit:         r.log.committed,
		SoftState:      r.softState(),
		Applied:        r.log.applied,
		LeadTransferee: r.leadTransferee,
	}
}

// Status returns a copy of the node's state.
func (r *Raft) Status() Status {
	s := r.basicStatus()
	s.Nodes = r.confState().Nodes
	if r.state == StateLeader {
		s.Progress = make(map[uint64]Progress, len(r.members))
		for _, p := range r.members {
			s.Progress[p.ID] = *p
		}
	}
	return s
}

// String returns s on one line.
func (s Status) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "node %d: %v of term %d, vote %d, lead %d, commit %d, applied %d, nodes %v",
		s.ID, s.RaftState, s.Term, s.Vote, s.Lead, s.Commit, s.Applied, s.Nodes)
	for _, id := range slices.Sorted(maps.Keys(s.Progress)) {
		p := s.Progress[id]
		fmt.Fprintf(&b, "; %d: match %d, next %d", id, p.Match, p.Next)
	}
	return b.String()
}

//go:build mutant

// HasReady does not look at the hard state, because a new term or vote always
// comes with a message to send. It does not: an answer with a later term changes
// the term and calls for no reply. The change stays unsaved for as long as nothing
// else happens.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) HasReady() bool {
	r := rn.raft
	return len(r.msgs) > 0 || r.lacksAppends() ||
		r.log.stable < r.log.LastIndex() ||
		r.log.hasNextCommitted() ||
		r.log.snapshot != nil ||
		r.softState() != rn.soft
}

//go:build mutant

// HasReady does not look at the soft state: it comes along with the messages
// that changed it. A candidate that lost its election follows again, and sends
// nothing and saves nothing. Its application never hears of it, and goes on
// waiting for the outcome.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) HasReady() bool {
	r := rn.raft
	return len(r.msgs) > 0 || r.lacksAppends() ||
		r.log.stable < r.log.LastIndex() ||
		r.log.hasNextCommitted() ||
		r.log.snapshot != nil ||
		r.hardState() != rn.hard
}

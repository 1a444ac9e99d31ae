//go:build variant

// A candidate goes on naming the leader that it had. It is a hint for routing: a
// request that is sent there comes back.
//
//lab:variant raft 2AA 2AB 2AC 2C 3A
package raft

func (r *Raft) becomeCandidate() {
	lead := r.lead
	r.becomeCandidate_original()
	if lead != r.id {
		r.lead = lead
	}
}

// CheckInvariants leaves out what the reference says of its own candidates.
func (rn *RawNode) CheckInvariants() error {
	return rn.check(invariants[:len(invariants)-len(ownInvariants)])
}

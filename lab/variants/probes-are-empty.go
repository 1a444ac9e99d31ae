//go:build variant

// The leader sends no entry to a follower before it knows where their logs agree: it
// asks with an append that has none. (A member that was removed and has come back is
// an exception: nothing counts of it before it has got something new.)
//
//lab:variant raft 2AB 2AC 2C 3A
package raft

func (r *Raft) lacksEntries(p *Progress) bool {
	return (p.State != StateProbe || p.floor > 0) && r.lacksEntries_original(p)
}

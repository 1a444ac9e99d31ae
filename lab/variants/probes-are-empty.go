//go:build variant

// The leader sends no entry to a follower before it knows where their logs agree: it
// asks with an append that has none.
//
//lab:variant raft 2AB 2AC 2C 3A
package raft

func (r *Raft) lacksEntries(p *Progress) bool {
	return p.State != StateProbe && r.lacksEntries_original(p)
}

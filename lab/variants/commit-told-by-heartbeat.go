//go:build variant

// No append is sent to tell a new commit index alone. A follower learns it from the
// next heartbeat, or with the next entries.
//
//lab:variant raft 2AB 2AC 2C 3A
package raft

func (r *Raft) lacksAppend(p *Progress) bool {
	if p.State == StateSnapshot || p.paused {
		return false
	}
	return p.nudge || r.lacksEntries(p)
}

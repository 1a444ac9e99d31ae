//go:build variant

// What followers lack leaves with the next heartbeat, and never before: proposals,
// a new leader's first entry, news of the commit index, another try after a
// rejection. It is slow, and right: the paper says nowhere how soon a leader
// sends.
//
//lab:variant raft 2AB 2AC 2C 3A
package raft

func (r *Raft) replicate() {}

func (r *Raft) lacksAppends() bool { return false }

func (r *Raft) broadcastHeartbeat() {
	r.broadcastHeartbeat_original()
	r.replicate_original()
}

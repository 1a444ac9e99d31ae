//go:build mutant

// A transfer ends when the transferee takes over, and in no other way. If that
// member has crashed, the leader refuses proposals forever, and because its
// heartbeats keep the others quiet, no server relieves it (thesis §3.10: it
// aborts after an election timeout).
//
//lab:mutant 3A raft
package raft

func (r *Raft) Tick() {
	transferee := r.leadTransferee
	r.Tick_original()
	if r.state == StateLeader {
		r.leadTransferee = transferee
	}
}

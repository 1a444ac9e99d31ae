//go:build mutant

// An answer to a heartbeat is taken for the acknowledgement of everything that
// was sent so far. A heartbeat that overtakes the append, or an append that got
// lost, and the leader commits what no other server has (§5.3: only a
// successful AppendEntries says that the entries are there).
//
//lab:mutant 2AB raft
package raft

func (r *Raft) handleHeartbeatResponse(p *Progress) {
	p.paused = false
	if p.acknowledge(min(p.Next-1, r.log.LastIndex())) {
		r.maybeCommit()
	}
}

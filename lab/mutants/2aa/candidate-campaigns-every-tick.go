//go:build mutant

// The election timer is not set back when a campaign begins, neither here nor
// with the new role. From then on every tick begins another term, before any
// vote for the last one can arrive (§5.2: a candidate restarts its timer).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) Tick() {
	r.electionElapsed++
	if r.state != StateLeader {
		if r.electionElapsed >= r.randomizedElectionTimeout {
			elapsed := r.electionElapsed
			r.campaign()
			if r.state == StateCandidate {
				r.electionElapsed = elapsed
			}
		}
		return
	}
	if r.electionElapsed >= r.electionTimeout {
		r.electionElapsed = 0
		r.leadTransferee = None
	}
	r.heartbeatElapsed++
	if r.heartbeatElapsed >= r.heartbeatTimeout {
		r.heartbeatElapsed = 0
		r.broadcastHeartbeat()
	}
}

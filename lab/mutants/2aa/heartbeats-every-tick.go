//go:build mutant

// The heartbeat timer is not set back after it has fired, so that from then on
// every tick sends heartbeats. With HeartbeatTick 1 it makes no difference; a
// store with thousands of groups drowns in messages (§5.2: periodic
// heartbeats).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) Tick() {
	r.electionElapsed++
	if r.state != StateLeader {
		if r.electionElapsed >= r.randomizedElectionTimeout {
			r.electionElapsed = 0
			r.campaign()
		}
		return
	}
	if r.electionElapsed >= r.electionTimeout {
		r.electionElapsed = 0
		r.leadTransferee = None
	}
	r.heartbeatElapsed++
	if r.heartbeatElapsed >= r.heartbeatTimeout {
		r.broadcastHeartbeat()
	}
}

//go:build mutant

// The election timer runs in every role, and no server sends a leader
// heartbeats to restart it. Each leader campaigns against itself after one
// timeout: terms rise forever in a group in which nothing is wrong (§5.2: a
// leader leads until it fails).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) Tick() {
	r.electionElapsed++
	if r.electionElapsed >= r.randomizedElectionTimeout {
		r.electionElapsed = 0
		if r.state == StateLeader {
			r.becomeFollower(r.term, None)
		}
		r.campaign()
	}
	if r.state != StateLeader {
		return
	}
	r.heartbeatElapsed++
	if r.heartbeatElapsed >= r.heartbeatTimeout {
		r.heartbeatElapsed = 0
		r.broadcastHeartbeat()
	}
}

//go:build mutant

// Only a follower looks at its election timer. A candidate whose election has
// no winner, or whose requests were lost, waits for votes that never come;
// after a split vote that is every server (§5.2: it times out and starts a new
// election).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) Tick() {
	r.electionElapsed++
	if r.state != StateLeader {
		if r.state == StateFollower && r.electionElapsed >= r.randomizedElectionTimeout {
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
		r.heartbeatElapsed = 0
		r.broadcastHeartbeat()
	}
}

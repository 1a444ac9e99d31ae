//go:build mutant

// A leader waits for proposals and sends no heartbeats. Its followers hear
// nothing, and depose it after each election timeout (§5.2).
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
}

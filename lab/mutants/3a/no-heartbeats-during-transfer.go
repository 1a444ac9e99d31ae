//go:build mutant

// A leader that is handing over counts the time of the transfer, and sends no
// heartbeats meanwhile. The other members campaign before the transferee is
// ready, or for nothing, if the transfer fails.
//
//lab:mutant 3A raft
package raft

func (r *Raft) Tick() {
	if r.state == StateLeader && r.leadTransferee != None {
		r.heartbeatElapsed = -1
	}
	r.Tick_original()
}

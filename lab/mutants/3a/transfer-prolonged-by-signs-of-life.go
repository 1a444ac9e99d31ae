//go:build mutant

// A leader that is handing over restarts the clock of the transfer when it hears
// from the transferee: that is alive, so it will campaign. A transferee that
// answers, and for some reason does not campaign, stops the group for good.
//
//lab:mutant 3A raft
package raft

func (r *Raft) handleHeartbeatResponse(p *Progress) {
	if p.ID == r.leadTransferee {
		r.electionElapsed = 0
	}
	r.handleHeartbeatResponse_original(p)
}

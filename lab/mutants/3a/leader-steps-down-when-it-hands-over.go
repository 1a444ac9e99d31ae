//go:build mutant

// The leader becomes follower as soon as it has told the transferee to
// campaign. If that message gets lost, or the transferee is dead, the group has
// no leader until another server's election timeout ends, though it had a good
// one (thesis §3.10: the leader resumes if the transfer does not finish).
//
//lab:mutant 3A raft
package raft

func (r *Raft) maybeHandOver(p *Progress) {
	handOver := p.ID == r.leadTransferee && p.Match == r.log.LastIndex()
	r.maybeHandOver_original(p)
	if handOver {
		r.becomeFollower(r.term, None)
	}
}

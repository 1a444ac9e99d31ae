//go:build mutant

// The leader sends each entry once and waits. It does nothing with the answers
// to its heartbeats, which show that the follower is there and still lacks
// entries: an append that got lost is lost for good (§5.3: the leader retries
// indefinitely).
//
//lab:mutant 2AB raft
package raft

func (r *Raft) handleHeartbeatResponse(p *Progress) {}

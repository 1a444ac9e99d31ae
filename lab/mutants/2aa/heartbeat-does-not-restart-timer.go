//go:build mutant

// A follower notes its leader, and its election timer runs on. Each healthy
// leader is deposed after one election timeout (§5.2: heartbeats keep followers
// from campaigning).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) hearFromLeader(from uint64) bool {
	switch r.state {
	case StateLeader:
		return false
	case StateCandidate:
		r.becomeFollower(r.term, from)
	case StateFollower:
		r.lead = from
	}
	return true
}

//go:build mutant

// The quorum is n/2: one of three, two of four. Two candidates can have it at
// the same time, in the same term (§5.2: more than half).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) quorum() int { return len(r.members) / 2 }

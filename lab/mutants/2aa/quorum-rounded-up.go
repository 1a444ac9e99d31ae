//go:build mutant

// The quorum is (n+1)/2. That is right for three and five servers, so it passes
// most tests; in a group of four, two and two can each elect a leader (§5.2:
// more than half).
//
//lab:mutant 2AA raft
package raft

func (r *Raft) quorum() int { return (len(r.members) + 1) / 2 }

//go:build mutant

// Whether there is a hard state to save is found out by comparing term and
// commit index, and the vote was forgotten. Mostly that goes unnoticed, because
// a vote tends to come with a new term. But a node that has learned the term
// before it votes hands out its answer and saves no vote: after a crash it votes
// again, for another candidate, and the term may have two leaders (§5.2).
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Ready() Ready {
	before := rn.hard
	rd := rn.Ready_original()
	if rn.hard.term == before.term && rn.hard.commit == before.commit {
		rd.HardState = nil
		rd.MustSync = len(rd.Entries) > 0 || rd.Snapshot != nil
	}
	return rd
}

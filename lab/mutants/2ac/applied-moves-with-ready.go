//go:build mutant

// Entries count as applied as soon as a Ready hands them out, instead of when
// Advance says so. The application has not touched them yet: a membership change
// among them is not in effect, and the status tells a store that waits for an
// applied index to read a state that does not hold what it waits for.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Ready() Ready {
	rd := rn.Ready_original()
	if n := len(rd.CommittedEntries); n > 0 {
		rn.raft.log.appliedTo(rd.CommittedEntries[n-1].Index)
	}
	return rd
}

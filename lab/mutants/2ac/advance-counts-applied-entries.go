//go:build mutant

// Advance adds the number of entries in the Ready to the applied index, instead
// of noting the index of the last one. If the application calls Advance twice
// with the same Ready, the index runs ahead of the truth, and the entries that it
// jumps over are never applied.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Advance(rd Ready) {
	applied := rn.raft.log.applied
	rn.Advance_original(rd)
	if n := len(rd.CommittedEntries); n > 0 {
		rn.raft.log.applied = applied + uint64(n)
	}
}

//go:build mutant

// MustSync is set when there are entries, as they are what clients care for, and
// not for a new term or vote. A vote that was sent and then lost in a power
// failure is given a second time after it: two leaders in one term (§5.2).
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Ready() Ready {
	rd := rn.Ready_original()
	rd.MustSync = len(rd.Entries) > 0 || rd.Snapshot != nil
	return rd
}

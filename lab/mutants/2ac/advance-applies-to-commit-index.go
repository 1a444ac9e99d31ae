//go:build mutant

// Advance takes everything that is committed by now for applied, instead of what
// the Ready had handed out. An entry that was committed while the application
// was busy with the Ready is never handed to it: one replica lacks a command
// that all others have (§5.3, State Machine Safety).
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Advance(rd Ready) {
	rn.Advance_original(rd)
	if len(rd.CommittedEntries) > 0 {
		rn.raft.log.appliedTo(rn.raft.log.committed)
	}
}

//go:build mutant

// Advance takes the whole log for saved, instead of the entries that were in the
// Ready. What was appended while the application wrote its batch is never given
// to it to save, but is acknowledged all the same: a crash loses entries that the
// leader has counted (§5.3).
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Advance(rd Ready) {
	rn.Advance_original(rd)
	if len(rd.Entries) > 0 {
		rn.raft.log.stable = rn.raft.log.LastIndex()
	}
}

//go:build mutant

// Advance notes the node's present hard state as the one that is saved, instead
// of the one that was in the Ready. A term or a vote that changed while the
// application was saving is taken for saved, and never gets to disk: after a
// crash the node may vote a second time (§5.2).
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Ready() Ready {
	before := rn.hard
	rd := rn.Ready_original()
	rn.hard = before
	return rd
}

func (rn *RawNode) Advance(rd Ready) {
	rn.Advance_original(rd)
	rn.hard = rn.raft.hardState()
}

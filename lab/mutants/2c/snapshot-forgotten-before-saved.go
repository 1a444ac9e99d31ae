//go:build mutant

// The log lets go of the snapshot when Ready hands it out, and from then on
// asks storage for what was in it. Until the application has saved it, storage
// still holds the old log: an append that continues after the snapshot is
// compared with that, and rejected.
//
//lab:mutant 2C raft
package raft

func (rn *RawNode) Ready() Ready {
	rd := rn.Ready_original()
	rn.raft.log.snapshot = nil
	return rd
}

//go:build mutant

// Ready hands out the outbox and does not empty it, so every Ready repeats all
// messages that were ever sent, and there always is a next Ready. Raft survives
// duplicates, but old ones without end bury the new ones.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Ready() Ready {
	rd := rn.Ready_original()
	rn.raft.msgs = rd.Messages
	return rd
}

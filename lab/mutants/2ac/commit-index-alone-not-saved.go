//go:build mutant

// A Ready holds a hard state only if term or vote have changed, since only they
// must never be lost. In a quiet term the commit index on disk thus stays where
// the election left it: a restarted node does not know what it had committed,
// and an applied index that the application remembers may even be ahead of it.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Ready() Ready {
	before := rn.hard
	rd := rn.Ready_original()
	if rn.hard.term == before.term && rn.hard.vote == before.vote {
		rd.HardState = nil
	}
	return rd
}

//go:build mutant

// The hard state that a Ready holds is put together from term and commit index,
// and its vote is left empty. Everything works until a node crashes after it has
// voted: it comes back with a free vote in the same term, and two candidates can
// both get a majority (§5.2).
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Ready() Ready {
	rd := rn.Ready_original()
	if rd.HardState != nil {
		rd.HardState.Vote = None
	}
	return rd
}

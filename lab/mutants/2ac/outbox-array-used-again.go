//go:build mutant

// To save an allocation, Ready empties the outbox with msgs[:0]. The array is
// still the one that the application was given: if the node is stepped before the
// messages of the Ready are sent, new messages take the place of those. Some
// are never sent, and others are sent before the state they promise is saved.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Ready() Ready {
	rd := rn.Ready_original()
	rn.raft.msgs = rd.Messages[:0]
	return rd
}

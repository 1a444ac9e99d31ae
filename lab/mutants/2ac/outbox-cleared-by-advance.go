//go:build mutant

// The outbox is emptied in Advance, when the messages of the Ready have been
// sent, and not in Ready, when they were handed over. What the node wanted to
// say in between, in answer to a message that arrived while the application was
// saving, is thrown away unsent.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Ready() Ready {
	rd := rn.Ready_original()
	rn.raft.msgs = rd.Messages
	return rd
}

func (rn *RawNode) Advance(rd Ready) {
	rn.Advance_original(rd)
	rn.raft.msgs = nil
}

//go:build mutant

// A write is answered as soon as it is in the leader's log. It may never be
// committed.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (ps *proposals) decide(index, term uint64, err error) {}

func (p *peer) propose(writes []*Write) {
	p.propose_original(writes)
	p.proposals.abandon(nil)
}

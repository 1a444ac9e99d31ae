//go:build mutant

// A write is answered as soon as it is in the leader's log. It may never be
// committed.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (ps *proposals) decide(index, term uint64, result Result) {}

func (p *peer) propose(commands []*Command) {
	p.propose_original(commands)
	for _, waiting := range p.proposals.queue {
		waiting.done(Result{})
	}
	p.proposals.queue = nil
}

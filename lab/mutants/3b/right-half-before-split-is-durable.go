//go:build mutant

// The right half begins as soon as the split is written, and not only when it is durable. It
// keeps its promises in the raft engine, and a crash takes its data.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) bearHalves() {
	if len(p.births) == 0 || p.bearing {
		return
	}
	births := p.births
	p.births = nil
	for _, b := range births {
		p.store.bear(b.state, b.size, b.leads)
	}
}

//go:build mutant

// A read is served while the batch that it must see is being made, before it is
// written: the view shows the state before that batch.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) apply() *applier {
	a := p.apply_original()
	before := p.storage.applied
	p.storage.applied = a.state
	p.serveReads(p.task.rd.ReadStates)
	p.storage.applied = before
	return a
}

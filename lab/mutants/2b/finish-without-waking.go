//go:build mutant

// A Ready that is done makes room for the next one, but nobody sees to it that the
// peer gets a pass for that. It waits until something else happens.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) finish() {
	t := p.task
	p.task = nil
	p.node.Advance(t.rd)
}

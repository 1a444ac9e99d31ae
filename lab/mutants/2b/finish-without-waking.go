//go:build mutant

// A Ready that is done makes room for the next one, but the peer is not put
// into the queue for another pass. It waits until something else happens.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) finish() {
	t := p.task
	p.task = nil
	p.node.Advance(t.rd)
}

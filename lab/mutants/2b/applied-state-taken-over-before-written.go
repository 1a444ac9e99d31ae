//go:build mutant

// The peer takes over the applied state when it has filled the batch, before
// the batch is written. If the disk is full, the store believes, and reports,
// that it has applied what its data do not have.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) apply() *applier {
	a := p.apply_original()
	p.storage.applied = a.state
	return a
}

//go:build mutant

// The peer takes over the new applied state when it has filled the batch,
// before the batch is written. If the disk of the data is full, the log is
// compacted up to an index whose effects are nowhere.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) apply() *applier {
	a := p.apply_original()
	p.storage.applied = a.state
	return a
}

//go:build mutant

// A write is answered when its entry is turned into a batch, before the batch
// is written. If the disk is full, or the power fails, the write is not there.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) apply() *applier {
	a := p.apply_original()
	for _, d := range a.decided {
		p.proposals.decide(d.index, d.term, d.err)
	}
	return a
}

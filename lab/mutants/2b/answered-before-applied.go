//go:build mutant

// A write is answered when its entry is turned into a batch, before that is
// written. If the disk is full, or the power fails, it is not there.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) apply(b *engine.Batch) {
	p.apply_original(b)
	for i, e := range p.task.rd.CommittedEntries {
		p.proposals.decide(e.Index, e.Term, p.task.results[i])
	}
}

//go:build mutant

// The applied index is saved without the term of that entry. Snapshots are made of
// that record: they say a wrong term.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) apply(b *engine.Batch) {
	p.apply_original(b)
	if applied := p.task.applied; applied != nil {
		applied.AppliedTerm = p.storage.applied.AppliedTerm
		put(b, cfMeta, stateKey(applied.Region.Id), applied)
	}
}

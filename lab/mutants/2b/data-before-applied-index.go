//go:build mutant

// The data of the entries are written first, and the applied index after them.
// After a crash in between the data are newer than the index says.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) apply(b *engine.Batch) {
	var data engine.Batch
	for _, e := range p.task.rd.CommittedEntries {
		_ = p.applyEntry(&data, e)
	}
	if p.store.write(p.store.cfg.KVEngine, &data, false) {
		p.apply_original(b)
	}
}

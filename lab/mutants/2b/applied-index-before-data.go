//go:build mutant

// The applied index is written before the data. If the crash comes in between,
// the log does not bring the data back: they count as applied.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) apply(b *engine.Batch) {
	p.apply_original(b)
	if p.task.applied == nil {
		return
	}
	var index engine.Batch
	put(&index, cfMeta, stateKey(p.task.applied.Region.Id), p.task.applied)
	p.store.write(p.store.cfg.KVEngine, &index, false)
}

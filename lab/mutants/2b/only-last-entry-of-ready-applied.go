//go:build mutant

// Each entry of a Ready starts its own batch, and only that of the last one is
// written. Entries come one at a time while there is little to do, so it works for
// a single client.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) apply(b *engine.Batch) {
	var all engine.Batch
	p.apply_original(&all)
	n := len(p.task.rd.CommittedEntries)
	if n == 0 {
		return
	}
	_ = p.applyEntry(b, p.task.rd.CommittedEntries[n-1])
	put(b, cfMeta, stateKey(p.task.applied.Region.Id), p.task.applied)
}

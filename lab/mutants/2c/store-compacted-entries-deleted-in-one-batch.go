//go:build mutant

// All entries that leave the log are deleted in one batch, however many they
// are. An engine refuses a batch with too many operations, and the store stops.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) deleteEntries(index uint64) {
	var all engine.Batch
	for i := p.compaction.deleted + 1; i <= index; i++ {
		all.Delete(cfRaft, logKey(p.storage.regionID, i))
	}
	w := writer{store: p.store, engine: p.storage.engine}
	w.add(&all, false)
	if w.flush() {
		p.compaction.deleted = index
	}
}

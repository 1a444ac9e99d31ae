//go:build mutant

// Each compaction deletes all entries from the first that ever was, in one
// batch. The batch grows with the history of the region, until an engine
// refuses it and the store stops.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) deleteEntries(index uint64) {
	var all engine.Batch
	for i := uint64(1); i <= index; i++ {
		all.Delete(cfRaft, logKey(p.storage.regionID, i))
	}
	w := writer{store: p.store, engine: p.storage.engine}
	w.add(&all, false)
	if w.flush() {
		p.compaction.deleted = index
	}
}

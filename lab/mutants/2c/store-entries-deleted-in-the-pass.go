//go:build mutant

// Compacted entries are deleted in a pass, however many they are.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) deleteEntries(index uint64) {
	r := logRange(p.storage.regionID, p.compaction.deleted+1, index+1)
	if err := p.storage.engine.DeleteRange(cfRaft, r); err != nil {
		p.store.writeFailed(err)
		return
	}
	p.compaction.deleted = index
}

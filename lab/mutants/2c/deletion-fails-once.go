//go:build mutant

// After a deletion that failed for lack of room, none is begun again.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) deleteEntries(index uint64) {
	p.compaction.running = true
	raft, r := p.storage.engine, logRange(p.storage.regionID, p.compaction.deleted+1, index+1)
	p.inBackground(func() func(*peer) {
		err := raft.DeleteRange(cfRaft, r)
		return func(p *peer) {
			if err != nil {
				p.store.writeFailed(err)
				return
			}
			p.compaction.running = false
			p.compaction.deleted = index
		}
	})
}

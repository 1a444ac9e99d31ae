//go:build mutant

// Each deletion leaves the last entry that it should delete: the range was
// taken for one with its end.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) deleteEntries(index uint64) {
	p.compaction.running = true
	raft, r := p.storage.engine, logRange(p.storage.regionID, p.compaction.deleted+1, index)
	p.inBackground(func() func(*peer) {
		err := raft.DeleteRange(cfRaft, r)
		return func(p *peer) {
			p.compaction.running = false
			if err != nil {
				p.store.writeFailed(err)
				return
			}
			p.compaction.deleted = index
		}
	})
}

//go:build mutant

// What is to be deleted counts as deleted when the deletion begins: one that
// fails is not repeated.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) deleteEntries(index uint64) {
	p.compaction.running = true
	first := p.compaction.deleted + 1
	p.compaction.deleted = index
	raft, r := p.storage.engine, logRange(p.storage.regionID, first, index+1)
	p.inBackground(func() func(*peer) {
		err := raft.DeleteRange(cfRaft, r)
		return func(p *peer) {
			p.compaction.running = false
			if err != nil {
				p.store.writeFailed(err)
				return
			}
		}
	})
}

//go:build mutant

// An error of the sync is logged, and the log is dropped all the same.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) compactLog() {
	if p.compaction.running || p.installing {
		return
	}
	first, _ := p.storage.FirstIndex()
	if p.compaction.deleted+1 < first {
		p.deleteEntries(first - 1)
		return
	}
	applied := p.appliedIndex()
	if applied < first+p.store.cfg.MaxLogEntries {
		return
	}
	index := applied
	for _, member := range p.node.Status().Progress {
		if member.Match+p.store.cfg.MaxLogEntries*4 >= applied {
			index = min(index, member.Match)
		}
	}
	// The log brings back what a crash takes from the data. So an entry
	// must not leave the log before its effects are durable. The sync makes
	// them durable up to index, which was applied before the sync began.
	p.compaction.running = true
	kv := p.store.cfg.KVEngine
	p.inBackground(func() func(*peer) {
		err := kv.Sync()
		return func(p *peer) {
			p.compaction.running = false
			if err != nil {
				p.logger.Error("cannot sync", "error", err)
			}
			p.dropLog(index)
		}
	})
}

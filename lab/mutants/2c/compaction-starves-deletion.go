//go:build mutant

// Entries are deleted only when there is nothing to compact. Under load there
// always is.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) compactLog() {
	if p.compaction.running || p.installing {
		return
	}
	first, _ := p.storage.FirstIndex()
	applied := p.appliedIndex()
	if applied < first+p.store.cfg.MaxLogEntries {
		if p.compaction.deleted+1 < first {
			p.deleteEntries(first - 1)
		}
		return
	}
	index := applied
	for _, member := range p.node.Status().Progress {
		if member.Match+p.store.cfg.MaxLogEntries*4 >= applied {
			index = min(index, member.Match)
		}
	}
	p.compaction.running = true
	kv := p.store.cfg.KVEngine
	p.inBackground(func() func(*peer) {
		err := kv.Sync()
		return func(p *peer) {
			p.compaction.running = false
			if err == nil {
				p.dropLog(index)
			}
		}
	})
}

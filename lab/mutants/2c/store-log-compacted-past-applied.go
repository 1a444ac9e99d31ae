//go:build mutant

// The log is compacted up to its end, as far as followers have it. But the peer
// still needs the entries that it has not applied.
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
	index, _ := p.storage.LastIndex()
	if index < first+p.store.cfg.MaxLogEntries {
		return
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

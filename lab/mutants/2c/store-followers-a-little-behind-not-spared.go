//go:build mutant

// A leader compacts its log up to the last applied entry, whatever its followers
// have. Each follower that is an entry behind at that moment gets all the data.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) compactLog() {
	if p.compaction.running || p.installing {
		return
	}
	first, _ := p.storage.FirstIndex()
	applied := p.appliedIndex()
	if p.compaction.deleted+1 < first || applied < first+p.store.cfg.MaxLogEntries {
		p.compactLog_original()
		return
	}
	p.compaction.running = true
	kv := p.store.cfg.KVEngine
	p.inBackground(func() func(*peer) {
		err := kv.Sync()
		return func(p *peer) {
			p.compaction.running = false
			if err == nil {
				p.dropLog(applied)
			}
		}
	})
}

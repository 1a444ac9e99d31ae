//go:build mutant

// The log is collected up to its end, as far as followers have it. But what is not
// applied here is needed here.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) collectLog() {
	first, _ := p.storage.FirstIndex()
	upTo, _ := p.storage.LastIndex()
	if upTo < first+p.store.cfg.MaxLogEntries || p.collector.syncing || p.restoring {
		return
	}
	p.collector.syncing = true
	kv := p.store.cfg.KVEngine
	p.inBackground(func() func(*peer) {
		err := kv.Sync()
		return func(p *peer) {
			p.collector.syncing = false
			if err == nil {
				p.dropLog(upTo)
			}
		}
	})
}

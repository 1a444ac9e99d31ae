//go:build mutant

// The log is collected up to the index that is applied when the sync of the data
// has ended, instead of the one that was noted before it began. Entries that were
// applied meanwhile are not durable in the data, and leave the log.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) collectLog() {
	first, _ := p.storage.FirstIndex()
	if p.applied() < first+p.store.cfg.MaxLogEntries || p.collector.syncing || p.restoring {
		return
	}
	p.collector.syncing = true
	kv := p.store.cfg.KVEngine
	p.inBackground(func() func(*peer) {
		err := kv.Sync()
		return func(p *peer) {
			p.collector.syncing = false
			if err != nil || p.restoring {
				return
			}
			upTo := p.applied()
			for _, member := range p.node.Status().Progress {
				if member.Match+p.store.cfg.MaxLogEntries*4 >= upTo {
					upTo = min(upTo, member.Match)
				}
			}
			p.dropLog(upTo)
		}
	})
}

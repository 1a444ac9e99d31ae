//go:build mutant

// The data are synced for a compaction in a pass. All regions of the store wait
// for a sync of all data.
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
	index := applied
	for _, member := range p.node.Status().Progress {
		if member.Match+p.store.cfg.MaxLogEntries*4 >= applied {
			index = min(index, member.Match)
		}
	}
	if p.store.cfg.KVEngine.Sync() == nil {
		p.dropLog(index)
	}
}

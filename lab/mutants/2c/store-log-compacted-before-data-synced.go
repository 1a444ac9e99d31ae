//go:build mutant

// The log is compacted up to the applied index, without a sync of the data. A
// crash takes the newest data, and the entries that would bring them back are
// gone.
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
	p.dropLog(index)
}

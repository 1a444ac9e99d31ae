//go:build mutant

// The log is collected up to the applied index, without a sync of the data. A crash
// takes the newest data, and the entries that would bring them back are gone.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) collectLog() {
	first, _ := p.storage.FirstIndex()
	applied := p.applied()
	if applied < first+p.store.cfg.MaxLogEntries || p.restoring {
		return
	}
	upTo := applied
	for _, member := range p.node.Status().Progress {
		if member.Match+p.store.cfg.MaxLogEntries*4 >= applied {
			upTo = min(upTo, member.Match)
		}
	}
	p.dropLog(upTo)
}

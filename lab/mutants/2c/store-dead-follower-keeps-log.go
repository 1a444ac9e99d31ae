//go:build mutant

// A leader keeps all that any follower still lacks. While one store is down, its
// log grows without a bound.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) collectLog() {
	upTo := p.applied()
	for _, member := range p.node.Status().Progress {
		upTo = min(upTo, member.Match)
	}
	first, _ := p.storage.FirstIndex()
	if upTo < first+p.store.cfg.MaxLogEntries || p.collector.syncing || p.restoring {
		return
	}
	p.collectLog_original()
}

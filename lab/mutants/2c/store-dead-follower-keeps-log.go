//go:build mutant

// A leader keeps all that any follower still lacks. While one store is down,
// the leader's log grows without a bound.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) compactLog() {
	first, _ := p.storage.FirstIndex()
	for _, member := range p.node.Status().Progress {
		if member.Match < first+p.store.cfg.MaxLogEntries && p.compaction.deleted+1 >= first {
			return
		}
	}
	p.compactLog_original()
}

//go:build mutant

// The log is compacted up to the index that is applied when the sync of the
// data has ended, instead of the index that was noted before it began. Entries
// that were applied meanwhile are not durable in the data, and leave the log.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) dropLog(uint64) {
	applied := p.appliedIndex()
	index := applied
	for _, member := range p.node.Status().Progress {
		if member.Match+p.store.cfg.MaxLogEntries*4 >= applied {
			index = min(index, member.Match)
		}
	}
	p.dropLog_original(index)
}

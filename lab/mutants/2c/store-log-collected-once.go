//go:build mutant

// The mark that a collection is under way is not taken back: the log is collected
// once.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) dropLog(index uint64) {
	p.dropLog_original(index)
	p.collector.syncing = true
}

//go:build mutant

// The mark that a compaction is under way is not taken back: the log is
// compacted once.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) dropLog(index uint64) {
	p.dropLog_original(index)
	p.compaction.running = true
}

//go:build mutant

// Each tick begins a compaction, whether or not one is under way. While the
// executor is busy, syncs of the same data queue up without a bound.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) compactLog() {
	p.compaction.running = false
	p.compactLog_original()
}

//go:build mutant

// The data of a removed peer are deleted first, and then its tombstone is
// written: after a crash in between, the store starts with a peer that has lost
// its data.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) clearAway() {
	if p.background > 0 {
		return
	}
	if p.isInitialized() {
		if err := p.store.cfg.clear(p.region()); err != nil {
			p.resting = true
			return
		}
	}
	p.clearAway_original()
}

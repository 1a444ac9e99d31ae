//go:build mutant

// Each tick reads the whole log to find out how large it is.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "math"

func (p *peer) compactLog() {
	first, _ := p.storage.FirstIndex()
	last, _ := p.storage.LastIndex()
	if entries, err := p.storage.Entries(first, last+1, math.MaxUint64); err == nil && uint64(len(entries)) > p.store.cfg.MaxLogEntries {
		p.compactLog_original()
	}
}

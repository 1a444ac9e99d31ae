//go:build mutant

// A new leader's first entry changes nothing, so nothing is done about it. But the
// applied index stays before it, and who waits for that place waits until
// somebody writes.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) apply(b *engine.Batch) {
	t := p.task
	for _, e := range t.rd.CommittedEntries {
		if len(e.Data) > 0 {
			p.apply_original(b)
			return
		}
	}
	t.results = make([]Result, len(t.rd.CommittedEntries))
}

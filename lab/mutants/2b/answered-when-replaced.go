//go:build mutant

// A proposal is answered as stale when another leader's entry takes its place
// in this log. That entry is not committed yet, and may be replaced in turn by
// the very entry that was proposed.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
)

func (p *peer) saved() {
	p.storage.state = p.task.logState
	if n := len(p.task.rd.Entries); n > 0 {
		first := p.task.rd.Entries[0]
		kept := p.proposals.queue[:0]
		for _, w := range p.proposals.queue {
			if w.index >= first.Index && w.term < first.Term {
				w.done(region.Stale(p.proposals.regionID))
				continue
			}
			kept = append(kept, w)
		}
		p.proposals.queue = kept
	}
	p.send(p.task.rd.Messages)
}

//go:build mutant

// A proposal whose place another leader's entry has taken is removed, and its
// client is not told.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (ps *proposals) decide(index, term uint64, err error) {
	for len(ps.queue) > 0 && (ps.queue[0].term < term || ps.queue[0].index <= index) {
		p := ps.queue[0]
		ps.queue = ps.queue[1:]
		if p.index == index && p.term == term {
			p.done(err)
		}
	}
}

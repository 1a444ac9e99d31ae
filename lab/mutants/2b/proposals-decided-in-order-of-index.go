//go:build mutant

// Proposals are taken to be in the order of their indexes. A leader that was
// deposed and leads again proposes at lower indexes than before: what it
// proposed in its old term stands before that in the queue, and hides it.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/region"

func (ps *proposals) decide(index, term uint64, err error) {
	for len(ps.queue) > 0 && ps.queue[0].index <= index {
		p := ps.queue[0]
		ps.queue = ps.queue[1:]
		if p.index == index && p.term == term {
			p.done(err)
		} else {
			p.done(region.Stale(ps.regionID))
		}
	}
}

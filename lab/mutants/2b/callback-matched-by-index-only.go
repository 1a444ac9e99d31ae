//go:build mutant

// A proposal is answered when an entry of its index is applied, whatever the
// term of that entry: another leader's entry may stand there.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/region"

func (ps *proposals) decide(index, term uint64, err error) {
	for len(ps.queue) > 0 && ps.queue[0].index <= index {
		p := ps.queue[0]
		ps.queue = ps.queue[1:]
		if p.index == index {
			p.done(err)
		} else {
			p.done(region.Stale(ps.regionID))
		}
	}
}

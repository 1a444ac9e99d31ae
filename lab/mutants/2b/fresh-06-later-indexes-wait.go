//go:build mutant

// A proposal of an earlier term is answered only when its index is applied, so
// the proposals of the next term that have smaller indexes wait behind it.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
)

func (ps *proposals) decide(index, term uint64, err error) {
	for len(ps.queue) > 0 && ps.queue[0].index <= index {
		p := ps.queue[0]
		ps.queue[0] = proposal{}
		ps.queue = ps.queue[1:]
		if p.index == index && p.term == term {
			p.done(err)
		} else {
			p.done(region.Stale(ps.regionID))
		}
	}
}

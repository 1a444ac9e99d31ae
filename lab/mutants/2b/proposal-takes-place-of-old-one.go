//go:build mutant

// Proposals are kept by index. A leader that was deposed, and leads again
// before it has applied anything of a later term, proposes at indexes at which
// it has proposed before: the new proposal takes the place of the old one,
// whose client never hears of it.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"slices"

	"github.com/labkv/labkv/kv/region"
)

func (ps *proposals) add(p proposal) {
	for i := range ps.queue {
		if ps.queue[i].index == p.index {
			ps.queue[i] = p
			return
		}
	}
	ps.queue = append(ps.queue, p)
}

func (ps *proposals) decide(index, term uint64, err error) {
	ps.queue = slices.DeleteFunc(ps.queue, func(p proposal) bool {
		switch {
		case p.index == index && p.term == term:
			p.done(err)
		case p.index <= index || p.term < term:
			p.done(region.Stale(ps.regionID))
		default:
			return false
		}
		return true
	})
}

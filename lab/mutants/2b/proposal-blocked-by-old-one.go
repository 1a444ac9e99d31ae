//go:build mutant

// Proposals are kept by index, and one that is there already is not replaced:
// the client of the new proposal never hears of it.
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

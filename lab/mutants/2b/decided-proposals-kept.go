//go:build mutant

// A proposal that was answered is marked, and stays. Every write that the store
// ever served stays in memory, and each decision looks through all of them.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/region"

func (ps *proposals) decide(index, term uint64, err error) {
	for i := range ps.queue {
		switch p := &ps.queue[i]; {
		case p.index == 0: // answered
		case p.index == index && p.term == term:
			p.done(err)
			p.index = 0
		case p.index <= index || p.term < term:
			p.done(region.Stale(ps.regionID))
			p.index = 0
		}
	}
}

func (ps *proposals) abandon(err error) {
	for _, p := range ps.queue {
		if p.index != 0 {
			p.done(err)
		}
	}
	ps.queue = nil
}

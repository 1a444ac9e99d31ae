//go:build mutant

// A proposal whose entry is applied is answered, and stays in the queue until a
// later entry is applied. Then it is taken for a replaced one, and answered
// again.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/region"

func (ps *proposals) decide(index, term uint64, err error) {
	for len(ps.queue) > 0 && (ps.queue[0].term < term || ps.queue[0].index < index) {
		ps.queue[0].done(region.Stale(ps.regionID))
		ps.queue = ps.queue[1:]
	}
	if len(ps.queue) > 0 && ps.queue[0].index == index && ps.queue[0].term == term {
		ps.queue[0].done(err)
	}
}

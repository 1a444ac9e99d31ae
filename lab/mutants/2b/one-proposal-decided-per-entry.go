//go:build mutant

// An applied entry decides one proposal at most. If it has replaced proposals
// of an earlier term, the proposal of the entry itself stands after them in the
// queue, and is later taken for a replaced one.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/region"

func (ps *proposals) decide(index, term uint64, err error) {
	if len(ps.queue) == 0 {
		return
	}
	p := ps.queue[0]
	switch {
	case p.index == index && p.term == term:
		p.done(err)
	case p.term < term || p.index <= index:
		p.done(region.Stale(ps.regionID))
	default:
		return
	}
	ps.queue = ps.queue[1:]
}

//go:build mutant

// An applied entry decides one proposal at most. If it has replaced those of an
// earlier term, the proposer of the entry itself stands behind them, and is taken
// for a replaced one later.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/region"

func (ps *proposals) decide(index, term uint64, result Result) {
	if len(ps.queue) == 0 {
		return
	}
	p := ps.queue[0]
	switch {
	case p.index == index && p.term == term:
		p.done(result)
	case p.term < term || p.index <= index:
		p.done(Result{Err: region.Stale(ps.regionID)})
	default:
		return
	}
	ps.queue = ps.queue[1:]
}

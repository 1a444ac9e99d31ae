//go:build mutant

// The store, the leader and the term are checked for the first write of a pass
// only, because they are the same for all that come together; the region is
// checked for each.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
)

func (p *peer) propose(writes []*Write) {
	var (
		taken []*Write
		data  [][]byte
	)
	for i, w := range writes {
		err := region.Check(p.region(), w.context.RegionEpoch, w.low, w.high)
		if i == 0 {
			err = p.check(w.context, w.low, w.high)
		}
		if err != nil {
			w.done(err)
			continue
		}
		taken = append(taken, w)
		data = append(data, w.data)
	}
	if len(taken) == 0 {
		return
	}
	index, term, err := p.node.Propose(data...)
	for i, w := range taken {
		if err != nil {
			w.done(p.refusal(err))
			continue
		}
		p.proposals.add(proposal{index: index + uint64(i), term: term, done: w.done})
	}
}

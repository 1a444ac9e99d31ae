//go:build mutant

// The index of a write is counted among all that came together, and not among
// those that were proposed.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) propose(writes []*Write) {
	var (
		taken []*Write
		place []uint64
		data  [][]byte
	)
	for i, w := range writes {
		if err := p.check(w.context, w.low, w.high); err != nil {
			w.done(err)
			continue
		}
		taken = append(taken, w)
		place = append(place, uint64(i))
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
		p.proposals.add(proposal{index: index + place[i], term: term, done: w.done})
	}
}

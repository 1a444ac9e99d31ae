//go:build mutant

// Writes that come together are refused together if one of them has to be.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) propose(writes []*Write) {
	data := make([][]byte, len(writes))
	for i, w := range writes {
		if err := p.check(w.context, w.low, w.high); err != nil {
			for _, w := range writes {
				w.done(err)
			}
			return
		}
		data[i] = w.data
	}
	index, term, err := p.node.Propose(data...)
	for i, w := range writes {
		if err != nil {
			w.done(p.refusal(err))
			continue
		}
		p.proposals.add(proposal{index: index + uint64(i), term: term, done: w.done})
	}
}

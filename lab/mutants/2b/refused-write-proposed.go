//go:build mutant

// A write that must be refused is answered with the reason, and then goes into
// the log all the same: a return is missing after the answer.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) propose(writes []*Write) {
	var data [][]byte
	for _, w := range writes {
		data = append(data, w.data)
		if err := p.check(w.context, w.low, w.high); err != nil {
			w.done(err)
			w.done = func(error) {}
		}
	}
	index, term, err := p.node.Propose(data...)
	for i, w := range writes {
		if err != nil {
			w.done(p.refusal(err))
			continue
		}
		p.proposals.add(proposal{index + uint64(i), term, w.done})
	}
}

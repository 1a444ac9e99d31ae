//go:build mutant

// The index of a proposal is read from the log after proposing. If several
// writes were proposed together, each gets the index of the last.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) propose(writes []*Write) {
	before := len(p.proposals.queue)
	p.propose_original(writes)
	added := p.proposals.queue[before:]
	for i := range added {
		added[i].index = added[len(added)-1].index
	}
}

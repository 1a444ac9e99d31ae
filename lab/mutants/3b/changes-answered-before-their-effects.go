//go:build mutant

// A change that is answered before it has taken effect: the answer is that of an earlier
// one.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) takeOver(a *applier) {
	p.storage.applied = a.state
	p.size.add(a.grown)
	for _, d := range a.decided {
		p.proposals.decide(d.index, d.term, d.err)
		if d.effect != nil {
			d.effect()
		}
	}
	p.serveReads(p.task.rd.ReadStates)
}

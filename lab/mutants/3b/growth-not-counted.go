//go:build mutant

// A region that does not count what is written to it: it is measured once, and split once at
// most.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) takeOver(a *applier) {
	p.storage.applied = a.state
	for _, d := range a.decided {
		if d.effect != nil {
			d.effect()
		}
		p.proposals.decide(d.index, d.term, d.err)
	}
	p.serveReads(p.task.rd.ReadStates)
}

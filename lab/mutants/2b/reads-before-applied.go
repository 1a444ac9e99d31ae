//go:build mutant

// Reads are served before the applied index is taken over, so a read that waits
// for exactly this index waits for whatever the group does next.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) takeOver(a *applier) {
	p.serveReads(p.task.rd.ReadStates)
	p.storage.applied = a.state
	for _, d := range a.decided {
		p.proposals.decide(d.index, d.term, d.err)
	}
}

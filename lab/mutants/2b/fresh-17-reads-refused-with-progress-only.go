//go:build mutant

// Reads are looked at only in a Ready that commits something or answers a
// question, so a deposed leader that hears nothing more of the group keeps its
// clients waiting.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) takeOver(a *applier) {
	p.storage.applied = a.state
	for _, d := range a.decided {
		p.proposals.decide(d.index, d.term, d.err)
	}
	if rd := p.task.rd; len(rd.CommittedEntries) > 0 || len(rd.ReadStates) > 0 {
		p.serveReads(rd.ReadStates)
	}
}

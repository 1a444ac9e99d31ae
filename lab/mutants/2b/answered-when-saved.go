//go:build mutant

// A write is answered once it is durable on the leader's own disk. A majority
// does not have it yet, and the next leader may not have it at all.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) saved() {
	p.saved_original()
	for _, e := range p.task.rd.Entries {
		p.proposals.decide(e.Index, e.Term, nil)
	}
}

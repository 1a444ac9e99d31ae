//go:build mutant

// When an entry is applied on a peer that has lost its leadership, all the
// proposals up to it are answered as stale, because it must be another leader's
// entry.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/raft"
)

func (p *peer) takeOver(a *applier) {
	p.storage.applied = a.state
	for _, d := range a.decided {
		if p.node.BasicStatus().RaftState != raft.StateLeader {
			p.proposals.decide(d.index, p.node.BasicStatus().Term+1, nil)
			continue
		}
		p.proposals.decide(d.index, d.term, d.err)
	}
	p.serveReads(p.task.rd.ReadStates)
}

//go:build mutant

// A deposed leader serves the reads that still wait from its own data, so that
// no client waits in vain. What the next leader has acknowledged is not in
// them.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) serveReads(answers []raft.ReadState) {
	if p.node.BasicStatus().RaftState != raft.StateLeader {
		for i := range p.reads.asked {
			p.reads.asked[i].index = p.appliedIndex()
		}
	}
	p.serveReads_original(answers)
}

//go:build mutant

// A leader that steps down answers every write that waits with "not leader", as
// if it had no effect. But the next leader may have the entries, and commit
// them.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) takeReady() {
	p.takeReady_original()
	if p.task != nil && p.node.BasicStatus().RaftState != raft.StateLeader {
		p.proposals.abandon(p.notLeader())
	}
}

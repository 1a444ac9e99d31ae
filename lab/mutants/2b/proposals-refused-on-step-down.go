//go:build mutant

// A leader that steps down tells the proposers of what waits that it does not lead
// any more, as if nothing had happened. But the next leader may have the entries,
// and commit them.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) takeReady() {
	p.takeReady_original()
	if p.task != nil && p.node.BasicStatus().RaftState != raft.StateLeader {
		p.proposals.abandon(Result{Err: p.notLeader()})
	}
}

//go:build mutant

// A leader that steps down refuses the writes that wait, but keeps their
// proposals: they are answered again once their place in the log is decided.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) takeReady() {
	p.takeReady_original()
	if p.task == nil || p.task.rd.SoftState == nil || p.task.rd.SoftState.RaftState == raft.StateLeader {
		return
	}
	for _, waiting := range p.proposals.queue {
		waiting.done(p.notLeader())
	}
}

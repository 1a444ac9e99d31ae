//go:build mutant

// A leader that steps down forgets what it has proposed: the clients that wait
// never get an answer.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) takeReady() {
	p.takeReady_original()
	if p.task != nil && p.node.BasicStatus().RaftState != raft.StateLeader {
		p.proposals.queue = nil
	}
}

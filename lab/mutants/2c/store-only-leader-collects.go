//go:build mutant

// Only a leader collects its log. Those of the followers grow until they lead.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) collectLog() {
	if p.node.BasicStatus().RaftState == raft.StateLeader {
		p.collectLog_original()
	}
}

//go:build mutant

// Only a leader compacts its log. The logs of the followers grow until they
// lead.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) compactLog() {
	if p.node.BasicStatus().RaftState == raft.StateLeader {
		p.compactLog_original()
	}
}

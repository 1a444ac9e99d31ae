//go:build mutant

// A peer that is not the leader serves reads from its own data: all replicas
// are equal, are they not? They are equal some time later.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) read(reads []*Read) {
	if p.node.BasicStatus().RaftState == raft.StateLeader {
		p.read_original(reads)
		return
	}
	for _, r := range reads {
		p.serve(r)
	}
}

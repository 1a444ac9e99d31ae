//go:build mutant

// A peer that does not lead serves reads from its own data: all replicas are equal,
// are they not? They are equal some time later.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) propose(commands []*Command) {
	if p.node.BasicStatus().RaftState == raft.StateLeader {
		p.propose_original(commands)
		return
	}
	var others []*Command
	for _, c := range commands {
		if len(c.Writes) > 0 {
			others = append(others, c)
			continue
		}
		snapshot, err := p.store.cfg.KVEngine.Snapshot()
		c.Done(Result{Snapshot: snapshot, Err: err})
	}
	p.propose_original(others)
}

//go:build mutant

// Each pass takes a new Ready, even if the last one could not be written
// because the disk was full. Raft hands out a changed hard state, and messages,
// once.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) takeReady() {
	if p.installing || p.task != nil && p.task.rd.Snapshot != nil || !p.node.HasReady() {
		return
	}
	p.task = &task{rd: p.node.Ready()}
	if !raft.IsEmptySnap(p.task.rd.Snapshot) {
		p.install(p.task.rd.Snapshot)
	}
}

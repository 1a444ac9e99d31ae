//go:build mutant

// The state of the log that a Ready leads to is computed when the Ready is
// taken, once. If the disk is full then, and the log is compacted before the
// save is repeated, the save undoes the compaction.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

var stateWhenTaken = map[*task]*raftserverpb.RaftState{}

func (p *peer) takeReady() {
	before := p.task
	p.takeReady_original()
	if p.task != before && raft.IsEmptySnap(p.task.rd.Snapshot) {
		stateWhenTaken[p.task] = p.storage.state
	}
}

func (p *peer) save(w *writer) {
	if state := stateWhenTaken[p.task]; state != nil {
		p.storage.state = state
	}
	p.save_original(w)
}

func (p *peer) finish() {
	delete(stateWhenTaken, p.task)
	p.finish_original()
}

//go:build mutant

// Messages are sent while the log is being saved. What they promise, a vote or
// that entries are there, is forgotten if the crash comes before the write.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) save(b *engine.Batch) {
	if !p.task.saved {
		p.task.logState = p.storage.save(b, &p.task.rd)
		p.send(p.task.rd.Messages)
	}
}

func (p *peer) saved() {
	if !p.task.saved {
		p.task.saved = true
		p.storage.state = p.task.logState
	}
}

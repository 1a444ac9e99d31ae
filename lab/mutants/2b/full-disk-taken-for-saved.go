//go:build mutant

// A Ready counts as saved once its batch is filled. If the disk was full, the
// batch never arrived there, and the next pass sends the messages all the same.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) save(b *engine.Batch) {
	if !p.task.saved {
		p.task.saved = true
		p.task.logState = p.storage.save(b, &p.task.rd)
	}
}

func (p *peer) saved() {
	p.storage.state = p.task.logState
	p.send(p.task.rd.Messages)
	p.task.rd.Messages = nil
}

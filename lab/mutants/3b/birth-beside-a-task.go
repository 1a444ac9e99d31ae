//go:build mutant

// A peer that a message has created gets its data while a Ready of its is still under
// way, held up by a full disk. What that Ready saves is then of another log than the
// peer's.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) initialize() {
	task := p.task
	p.task = nil
	p.initialize_original()
	p.task = task
}

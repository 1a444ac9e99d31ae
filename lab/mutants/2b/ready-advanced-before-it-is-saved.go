//go:build mutant

// The node is told that a Ready is done as soon as it was taken. If the disk is
// full it is not, and the node relies on entries that nobody has.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) takeReady() {
	before := p.task
	p.takeReady_original()
	if p.task != nil && p.task != before && p.task.rd.Snapshot == nil {
		p.node.Advance(p.task.rd)
	}
}

func (p *peer) finish() {
	if p.task.rd.Snapshot != nil {
		p.finish_original()
		return
	}
	p.task = nil
	if p.node.HasReady() {
		p.store.queue.wake(p)
	}
}

//go:build mutant

// After a Ready the peer comes back into the queue only if that Ready had
// committed entries, because then there may be more of them.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) finish() {
	t := p.task
	p.task = nil
	p.node.Advance(t.rd)
	if len(t.rd.CommittedEntries) > 0 && p.node.HasReady() {
		p.store.queue.wake(p)
	}
}

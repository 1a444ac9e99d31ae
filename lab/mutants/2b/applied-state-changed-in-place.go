//go:build mutant

// The applier changes the peer's own applied state instead of a copy. The disk
// may be full, or the write fail: in memory the entries are applied.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) apply() *applier {
	a := &applier{peer: p, state: p.storage.applied}
	entries := p.task.rd.CommittedEntries
	if len(entries) == 0 {
		return a
	}
	for _, e := range entries {
		ops, err := a.evaluate(e)
		a.add(e, ops, err)
	}
	a.cut()
	return a
}

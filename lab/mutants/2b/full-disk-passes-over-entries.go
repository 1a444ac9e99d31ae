//go:build mutant

// The applied state moves with each part that is filled, before it is written,
// and entries up to there are passed over. If the disk is full, the next
// attempt finds nothing left to apply: the writes are lost on this store.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) apply() *applier {
	rd := &p.task.rd
	for len(rd.CommittedEntries) > 0 && rd.CommittedEntries[0].Index <= p.appliedIndex() {
		rd.CommittedEntries = rd.CommittedEntries[1:]
	}
	a := p.apply_original()
	p.storage.applied = a.state
	return a
}

//go:build mutant

// A peer that a message has created gets its half of the data at once, although it is
// still saving or sending what its empty self has to say.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) initialize() {
	state := p.born
	if state == nil {
		return
	}
	p.born = nil
	p.store.directory.moved(p.region(), state.Region)
	p.storage.applied = state
	p.storage.resetLog(state.AppliedIndex, state.AppliedTerm)
	node, err := p.newNode()
	if err != nil {
		p.store.stop(err)
		return
	}
	p.node = node
}

//go:build mutant

// A report names every peer that lacks an entry as pending.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) heartbeat() {
	index := p.storage.state.TruncatedIndex
	p.storage.state.TruncatedIndex = p.storage.state.LastIndex + 1
	p.heartbeat_original()
	p.storage.state.TruncatedIndex = index
}

//go:build mutant

// No report names the peers that wait for a snapshot.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) heartbeat() {
	index := p.storage.state.TruncatedIndex
	p.storage.state.TruncatedIndex = 0
	p.heartbeat_original()
	p.storage.state.TruncatedIndex = index
}

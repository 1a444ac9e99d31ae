//go:build mutant

// A member that has just what the log begins after counts as pending: less or equal,
// instead of less. The next entry is in the log, so it needs no snapshot.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) heartbeat() {
	truncated := p.storage.state.TruncatedIndex
	p.storage.state.TruncatedIndex++
	p.heartbeat_original()
	p.storage.state.TruncatedIndex = truncated
}

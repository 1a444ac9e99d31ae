//go:build mutant

// A split replaces a peer that a message has created by a new one. It forgets
// whom it has voted for.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) initialize() {
	if p.born != nil && p.task == nil {
		p.storage.state = firstLog()
	}
	p.initialize_original()
}

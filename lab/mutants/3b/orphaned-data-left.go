//go:build mutant

// If the peer of the right half was removed before the split, the split creates
// no peer, and nobody deletes the data.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) deleteOrphans() {
	for _, r := range p.orphans {
		p.store.directory.deleted(r)
	}
	p.orphans = nil
}

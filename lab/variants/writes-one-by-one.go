//go:build variant

// Writes that come together are proposed one after the other.
//
//lab:variant kv/raftstore 2B 2C
package raftstore

func (p *peer) propose(writes []*Write) {
	for _, w := range writes {
		p.propose_original([]*Write{w})
	}
}

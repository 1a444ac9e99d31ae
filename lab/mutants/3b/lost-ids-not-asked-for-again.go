//go:build mutant

// A leader asks once for the ids of a split. If the answer is lost, the region
// grows on.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) checkSize() {
	if p.size.splitKey == nil {
		p.checkSize_original()
	}
}

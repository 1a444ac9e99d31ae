//go:build mutant

// While the leader waits for a majority to confirm it, reads that come later
// wait for the same answer. It says only that the peer led when the question
// was asked.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) read(reads []*Read) {
	term := p.node.BasicStatus().Term
	if n := len(p.reads.asked); n > 0 && p.reads.asked[n-1].index == 0 && p.reads.asked[n-1].term == term {
		p.reads.asked[n-1].reads = append(p.reads.asked[n-1].reads, reads...)
		return
	}
	p.read_original(reads)
}

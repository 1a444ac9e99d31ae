//go:build mutant

// The reads that share a question also share a view. The first client that is
// done closes it, and the others cannot read.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/raft"
)

func (p *peer) serveReads(answers []raft.ReadState) {
	for i := range p.reads.asked {
		reads := p.reads.asked[i].reads
		if len(reads) < 2 {
			continue
		}
		together := &Read{Context: reads[0].Context, Done: func(view engine.Snapshot, err error) {
			for _, r := range reads {
				r.Done(view, err)
			}
		}}
		p.reads.asked[i].reads = []*Read{together}
	}
	p.serveReads_original(answers)
}

//go:build mutant

// A read is served when a majority has confirmed the leader, without waiting
// until the index that the leader noted is applied. A new leader has much that
// is committed and not applied yet.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"encoding/binary"

	"github.com/labkv/labkv/raft"
)

func (p *peer) serveReads(answers []raft.ReadState) {
	for _, a := range answers {
		number := binary.BigEndian.Uint64(a.Context)
		for i, q := range p.reads.asked {
			if q.number != number {
				continue
			}
			for _, r := range q.reads {
				p.serve(r)
			}
			p.reads.asked[i].reads = nil
		}
	}
	p.serveReads_original(answers)
}

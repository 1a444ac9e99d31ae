//go:build mutant

// Reads that come while a question is under way join it.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"encoding/binary"
)

func (p *peer) read(reads []*Read) {
	var taken []*Read
	for _, r := range reads {
		if err := p.check(r.Context); err != nil {
			r.Done(nil, err)
			continue
		}
		taken = append(taken, r)
	}
	if len(taken) == 0 {
		return
	}
	rs := &p.reads
	if n := len(rs.asked); n > 0 && rs.asked[n-1].index == 0 && rs.asked[n-1].term == p.node.BasicStatus().Term {
		rs.asked[n-1].reads = append(rs.asked[n-1].reads, taken...)
		return
	}
	rs.last++
	rs.asked = append(rs.asked, question{number: rs.last, term: p.node.BasicStatus().Term, reads: taken})
	p.node.ReadIndex(binary.BigEndian.AppendUint64(nil, rs.last))
}

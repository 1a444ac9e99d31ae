//go:build mutant

// Reads that come together are refused together if one of them has to be.
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
			for _, r := range reads {
				r.Done(nil, err)
			}
			return
		}
		taken = append(taken, r)
	}
	if len(taken) == 0 {
		return
	}
	rs := &p.reads
	rs.last++
	rs.asked = append(rs.asked, question{number: rs.last, term: p.node.BasicStatus().Term, reads: taken})
	p.node.ReadIndex(binary.BigEndian.AppendUint64(nil, rs.last))
}

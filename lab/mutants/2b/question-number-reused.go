//go:build mutant

// Questions are numbered by how many are under way, so a number comes up again.
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
	rs.last = uint64(len(rs.asked)) + 1
	rs.asked = append(rs.asked, question{number: rs.last, term: p.node.BasicStatus().Term, reads: taken})
	p.node.ReadIndex(binary.BigEndian.AppendUint64(nil, rs.last))
}

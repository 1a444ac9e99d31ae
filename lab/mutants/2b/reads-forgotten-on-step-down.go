//go:build mutant

// A read waits for a majority that confirms the leader. A leader that is
// deposed gets no such answer, and the read waits forever.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"encoding/binary"

	"github.com/labkv/labkv/raft"
)

func (p *peer) serveReads(answers []raft.ReadState) {
	rs := &p.reads
	for _, a := range answers {
		number := binary.BigEndian.Uint64(a.Context)
		for i := range rs.asked {
			if rs.asked[i].number == number {
				rs.asked[i].index = a.Index
			}
		}
	}
	var waiting []question
	for _, q := range rs.asked {
		if q.index == 0 || q.index > p.appliedIndex() {
			waiting = append(waiting, q)
			continue
		}
		for _, r := range q.reads {
			p.serve(r)
		}
	}
	rs.asked = waiting
	p.ask()
}

//go:build mutant

// A read is served only when more than its index is applied.
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
	waiting := rs.asked[:0]
	status := p.node.BasicStatus()
	for _, q := range rs.asked {
		switch {
		case q.index != 0 && q.index < p.appliedIndex():
			for _, r := range q.reads {
				p.serve(r)
			}
		case status.RaftState != raft.StateLeader || status.Term != q.term:
			for _, r := range q.reads {
				r.Done(nil, p.notLeader())
			}
		default:
			waiting = append(waiting, q)
		}
	}
	clear(rs.asked[len(waiting):])
	rs.asked = waiting
}

//go:build mutant

// A question whose reads were served is marked, and stays. Every read that the
// store ever served stays in memory.
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
	status := p.node.BasicStatus()
	for i := range rs.asked {
		q := &rs.asked[i]
		switch {
		case q.number == 0: // answered
			continue
		case q.index != 0 && q.index <= p.appliedIndex():
			for _, r := range q.reads {
				p.serve(r)
			}
		case status.RaftState != raft.StateLeader || status.Term != q.term:
			for _, r := range q.reads {
				r.Done(nil, p.notLeader())
			}
		default:
			continue
		}
		q.number, q.index = 0, max(q.index, 1)
	}
	if status.RaftState != raft.StateLeader {
		for _, r := range rs.waiting {
			r.Done(nil, p.notLeader())
		}
		rs.waiting = nil
	}
	p.ask()
}

func (rs *reads) abandon(err error) {
	for _, q := range rs.asked {
		if q.number == 0 {
			continue
		}
		for _, r := range q.reads {
			r.Done(nil, err)
		}
	}
	for _, r := range rs.waiting {
		r.Done(nil, err)
	}
	rs.asked, rs.waiting = nil, nil
}

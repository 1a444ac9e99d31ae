//go:build mutant

// When the leader is deposed, only the reads that still wait for the majority
// are refused. The others have their index, and wait until it is applied. For a
// new leader that is its own first entry, and if another leader's entries take
// its place, the log may never get so far again.
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
	status := p.node.BasicStatus()
	for _, q := range rs.asked {
		switch {
		case q.index != 0 && q.index <= p.appliedIndex():
			for _, r := range q.reads {
				p.serve(r)
			}
		case q.index == 0 && (status.RaftState != raft.StateLeader || status.Term != q.term):
			for _, r := range q.reads {
				r.Done(nil, p.notLeader())
			}
		default:
			waiting = append(waiting, q)
		}
	}
	rs.asked = waiting
	if status.RaftState != raft.StateLeader {
		for _, r := range rs.waiting {
			r.Done(nil, p.notLeader())
		}
		rs.waiting = nil
	}
	p.ask()
}

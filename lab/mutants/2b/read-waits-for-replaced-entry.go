//go:build mutant

// Only the reads that still wait for the majority are refused when the leader is
// deposed. The others got their index, and wait until it is applied. For a new leader
// that is its own first entry, and if another leader's entries take the place of that,
// the log may never get so far again.
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
		case q.index != 0 && q.index <= p.applied():
			for _, c := range q.commands {
				snapshot, err := p.store.cfg.KVEngine.Snapshot()
				c.Done(Result{Snapshot: snapshot, Err: err})
			}
		case q.index == 0 && (status.RaftState != raft.StateLeader || status.Term != q.term):
			for _, c := range q.commands {
				c.Done(Result{Err: p.notLeader()})
			}
		default:
			waiting = append(waiting, q)
		}
	}
	rs.asked = waiting
}

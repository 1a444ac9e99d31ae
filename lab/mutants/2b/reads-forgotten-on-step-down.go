//go:build mutant

// A read waits for a majority that confirms the leader. Once that leader is
// deposed nobody will, and the read waits for ever.
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
		if q.index == 0 || q.index > p.applied() {
			waiting = append(waiting, q)
			continue
		}
		for _, c := range q.commands {
			snapshot, err := p.store.cfg.KVEngine.Snapshot()
			c.Done(Result{Snapshot: snapshot, Err: err})
		}
	}
	rs.asked = waiting
}

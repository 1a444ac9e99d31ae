//go:build mutant

// Reads are looked after when entries have been applied. A Ready that has only
// the answer of the majority has none, so the read waits until the next write.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"encoding/binary"

	"github.com/labkv/labkv/raft"
)

func (p *peer) serveReads(answers []raft.ReadState) {
	if len(p.task.rd.CommittedEntries) > 0 {
		p.serveReads_original(answers)
		return
	}
	rs := &p.reads
	for _, a := range answers {
		number := binary.BigEndian.Uint64(a.Context)
		for i := range rs.asked {
			if rs.asked[i].number == number {
				rs.asked[i].index = a.Index
			}
		}
	}
}

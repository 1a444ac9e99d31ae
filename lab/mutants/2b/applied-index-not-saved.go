//go:build mutant

// The applied index is kept in memory only. After a restart all entries of the
// log are applied once more, to data that have them already.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"

	"google.golang.org/protobuf/proto"
)

func (p *peer) apply(b *engine.Batch) {
	t := p.task
	n := len(t.rd.CommittedEntries)
	if n == 0 {
		return
	}
	t.results = t.results[:0]
	for _, e := range t.rd.CommittedEntries {
		t.results = append(t.results, Result{Err: p.applyEntry(b, e)})
	}
	last := t.rd.CommittedEntries[n-1]
	t.applied = proto.CloneOf(p.storage.applied)
	t.applied.AppliedIndex, t.applied.AppliedTerm = last.Index, last.Term
}

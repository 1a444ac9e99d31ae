//go:build mutant

// A compaction looks up the term of its last entry when it begins, and does not
// look again whether there is still something to drop. A snapshot may have
// replaced the log meanwhile: then the log begins before the snapshot again,
// with entries that are gone.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
)

type lastDropped struct{ index, term uint64 }

var dropping = map[*peer]lastDropped{}

func (p *peer) compactLog() {
	if !p.compaction.running {
		index := p.appliedIndex()
		term, _ := p.storage.Term(index)
		dropping[p] = lastDropped{index, term}
	}
	p.compactLog_original()
}

func (p *peer) dropLog(index uint64) {
	s, last := p.storage, dropping[p]
	if last.index != index {
		p.dropLog_original(index)
		return
	}
	state := proto.CloneOf(s.state)
	state.TruncatedIndex, state.TruncatedTerm = last.index, last.term
	w := writer{store: p.store, engine: s.engine}
	var part engine.Batch
	put(&part, cfRaft, stateKey(s.regionID), state)
	w.add(&part, false)
	if w.flush() {
		s.state = state
	}
}

package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
)

// A collector drops the head of a peer's log, which the data make superfluous.
type collector struct {
	// syncing is true while the kv engine is being synced for it.
	syncing bool
}

// collectLog starts to collect the log if it is longer than the store wants. A
// leader spares the followers that are not too far behind the snapshot.
//
//lab:implement 2C quiet
func (p *peer) collectLog() {
	first, _ := p.storage.FirstIndex()
	applied := p.applied()
	if applied < first+p.store.cfg.MaxLogEntries || p.collector.syncing || p.restoring {
		return
	}
	upTo := applied
	for _, member := range p.node.Status().Progress {
		if member.Match+p.store.cfg.MaxLogEntries*4 >= applied {
			upTo = min(upTo, member.Match)
		}
	}
	// What the log brings back after a crash must not leave it before it is
	// durable in the data.
	p.collector.syncing = true
	kv := p.store.cfg.KVEngine
	p.inBackground(func() func(*peer) {
		err := kv.Sync()
		return func(p *peer) {
			p.collector.syncing = false
			if err == nil {
				p.dropLog(upTo)
			}
		}
	})
}

// dropLog removes the entries up to index, whose effects are durable.
//
//lab:implement 2C quiet
func (p *peer) dropLog(index uint64) {
	s := p.storage
	if index <= s.state.TruncatedIndex {
		return // a snapshot was faster
	}
	term, err := s.Term(index)
	if err != nil {
		p.logger.Error("cannot collect the log", "index", index, "error", err)
		return
	}
	var b engine.Batch
	for i := s.state.TruncatedIndex + 1; i <= index; i++ {
		b.Delete(cfRaft, logKey(s.regionID, i))
	}
	state := proto.CloneOf(s.state)
	state.TruncatedIndex, state.TruncatedTerm = index, term
	put(&b, cfRaft, stateKey(s.regionID), state)
	if p.store.write(s.engine, &b, false) {
		s.state = state
	}
}

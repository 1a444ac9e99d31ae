package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
)

// A compaction drops the head of a peer's log once the data make it
// superfluous.
type compaction struct {
	// running is true while the data are being synced, or entries are being
	// deleted.
	running bool
	// deleted is the index up to which no entry is left on the disk. It is
	// 0 after a start: a crash may have come before the entries were
	// deleted.
	deleted uint64
}

// compactLog begins to compact the log if it is longer than the store wants. A
// leader keeps the entries that a follower lacks if the follower is not too far
// behind: a few entries are cheaper than a snapshot. It spares each follower
// that answers and lacks at most MaxLogEntries of the applied entries. But for
// no follower does it keep more than 8 times MaxLogEntries applied entries.
//
// compactLog is called after ticks, and mostly finds nothing to do. Then it
// reads no entry. The work of a compaction grows with the entries that it
// drops, not with those that stay or were dropped before.
//
// A step that fails, for lack of room or because the data could not be synced,
// is repeated after a later tick, and nothing is dropped that is not durable.
//
//lab:implement 2C quiet
func (p *peer) compactLog() {
	if p.compaction.running || p.installing {
		return
	}
	first, _ := p.storage.FirstIndex()
	if p.compaction.deleted+1 < first {
		p.deleteEntries(first - 1)
		return
	}
	applied := p.appliedIndex()
	if applied < first+p.store.cfg.MaxLogEntries {
		return
	}
	index := applied
	for _, member := range p.node.Status().Progress {
		if member.Match+p.store.cfg.MaxLogEntries*4 >= applied {
			index = min(index, member.Match)
		}
	}
	if index < first {
		return // a follower needs the whole log
	}
	// The log brings back what a crash takes from the data. So an entry
	// must not leave the log before its effects are durable. The sync makes
	// them durable up to index, which was applied before the sync began.
	p.compaction.running = true
	kv := p.store.cfg.KVEngine
	p.inBackground(func() func(*peer) {
		err := kv.Sync()
		return func(p *peer) {
			p.compaction.running = false
			if err == nil {
				p.dropLog(index)
			}
		}
	})
}

// dropLog makes the log begin after index, whose effects are durable. The
// entries up to there may be too many for one batch, and for one pass, so they
// stay on the disk until the next compactLog deletes them. They are no longer
// part of the log, so a crash in between does no harm.
//
//lab:implement 2C quiet
func (p *peer) dropLog(index uint64) {
	s := p.storage
	if index <= s.state.TruncatedIndex {
		return // a snapshot has replaced the log meanwhile
	}
	term, err := s.Term(index)
	if err != nil {
		p.logger.Error("cannot compact the log", "index", index, "error", err)
		return
	}
	state := proto.CloneOf(s.state)
	state.TruncatedIndex, state.TruncatedTerm = index, term
	w := writer{store: p.store, engine: s.engine}
	var part engine.Batch
	put(&part, cfRaft, stateKey(s.regionID), state)
	w.add(&part, false)
	if !w.flush() {
		return
	}
	s.state = state
}

// deleteEntries deletes, in the background, the entries up to index that are
// left on the disk. They must not be part of the log.
//
//lab:private
func (p *peer) deleteEntries(index uint64) {
	p.compaction.running = true
	raft, r := p.storage.engine, logRange(p.storage.regionID, p.compaction.deleted+1, index+1)
	p.inBackground(func() func(*peer) {
		err := raft.DeleteRange(cfRaft, r)
		return func(p *peer) {
			p.compaction.running = false
			if err != nil {
				p.store.writeFailed(err)
				return
			}
			p.compaction.deleted = index
		}
	})
}

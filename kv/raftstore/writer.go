package raftstore

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
)

// A writer gathers what the peers of a pass write to one engine, so that they
// share a write, and above all a sync. Parts are written in the order in which
// they were added, each atomically: a crash keeps a part as a whole or not at
// all, but it may keep some parts of a pass without those after them.
//
// Together the parts of a pass may be larger than the largest batch. Then the
// writer writes several batches, the last of them synced if any part asks for
// it. A sync covers everything that was written before.
type writer struct {
	store  *Store
	engine engine.Engine
	batch  engine.Batch
	sync   bool
	err    error // of the first write that failed
}

// add adds a part, which must be within the limits of a batch, and is durable
// after flush if sync is true. The writer keeps the part's keys and values.
func (w *writer) add(part *engine.Batch, sync bool) {
	if !w.batch.Fits(part.Len(), part.Size()) {
		w.write(false)
	}
	w.batch.AppendBatch(part)
	w.sync = w.sync || sync
}

// deleteEntries adds parts that remove the entries [lo, hi) of a region's log.
// The part that ends the log before lo must have been added before.
func (w *writer) deleteEntries(regionID, lo, hi uint64) {
	const most = 1 << 12 // in one part
	for lo < hi {
		var part engine.Batch
		for end := min(hi, lo+most); lo < end; lo++ {
			part.Delete(cfRaft, logKey(regionID, lo))
		}
		w.add(&part, false)
	}
}

// flush writes all parts that were added, and reports whether the pass may
// continue.
func (w *writer) flush() bool {
	w.write(w.sync)
	if w.err != nil {
		w.store.writeFailed(w.err)
		return false
	}
	return true
}

func (w *writer) write(sync bool) {
	if w.err != nil || w.batch.Len() == 0 && !sync {
		return
	}
	if w.err = w.engine.Write(&w.batch, sync); w.err == nil {
		w.store.writeSucceeded()
	}
	w.batch.Reset()
}

// writeFailed handles the error of a failed write. A full disk may have room
// again: tasks stay, and the next tick repeats the write. After any other error
// the state of the disk is not known, and the store stops.
func (s *Store) writeFailed(err error) {
	if errors.Cause(err) == engine.ErrDiskFull {
		if !s.diskFull.Swap(true) {
			s.cfg.Logger.Error("the disk is full; the store repeats its writes until there is room")
		}
		return
	}
	s.stop(errors.Annotate(err, "cannot write"))
}

func (s *Store) writeSucceeded() {
	if s.diskFull.Load() && s.diskFull.Swap(false) {
		s.cfg.Logger.Info("the disk has room again")
	}
}

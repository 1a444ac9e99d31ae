package raftstore

import (
	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// apply adds to b what the task's committed entries change, and the new applied
// index with it: after a crash either both are there or neither. Nothing of the
// peer changes until the batch is written: a full disk may make it do this again.
//
//lab:implement 2B
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
	put(b, cfMeta, stateKey(t.applied.Region.Id), t.applied)
}

// applyEntry adds to b what e changes. It returns the error that e's proposer
// gets. All replicas decide alike, as they have the same region at e's place in
// the log.
//
//lab:implement 2B
func (p *peer) applyEntry(b *engine.Batch, e *eraftpb.Entry) error {
	if e.EntryType != eraftpb.EntryType_EntryNormal || len(e.Data) == 0 {
		return nil // a new leader's first entry
	}
	c := &raftserverpb.Command{}
	if err := proto.Unmarshal(e.Data, c); err != nil {
		// Every replica reads the same bytes: they were wrong when they were
		// proposed, or the disk is.
		panic(errors.Annotatef(err, "region %d: entry %d is corrupt", p.region().Id, e.Index))
	}
	for _, w := range c.Writes {
		if err := region.Check(p.region(), c.Epoch, w.Key); err != nil {
			return err
		}
	}
	for _, w := range c.Writes {
		if w.Delete {
			b.Delete(w.Cf, w.Key)
		} else {
			b.Put(w.Cf, w.Key, w.Value)
		}
	}
	return nil
}

//go:build mutant

// A read is served while the batch that it must see is made, and not after it was
// written: what it reads from was taken too early.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) apply(b *engine.Batch) {
	p.apply_original(b)
	if p.task.applied == nil {
		return
	}
	for i := range p.reads.asked {
		q := &p.reads.asked[i]
		for _, a := range p.task.rd.ReadStates {
			if a.Index <= p.task.applied.AppliedIndex && string(a.Context[7:]) == string([]byte{byte(q.number)}) {
				q.index = a.Index
			}
		}
		if q.index == 0 || q.index > p.task.applied.AppliedIndex {
			continue
		}
		for _, c := range q.commands {
			snapshot, err := p.store.cfg.KVEngine.Snapshot()
			c.Done(Result{Snapshot: snapshot, Err: err})
		}
		q.commands = nil
	}
}

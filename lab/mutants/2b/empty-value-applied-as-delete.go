//go:build mutant

// A write without a value is taken for a delete. But an empty value is a value.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (p *peer) applyEntry(b *engine.Batch, e *eraftpb.Entry) error {
	var writes engine.Batch
	err := p.applyEntry_original(&writes, e)
	for _, op := range writes.Ops() {
		if op.Delete || len(op.Value) == 0 {
			b.Delete(op.CF, op.Key)
		} else {
			b.Put(op.CF, op.Key, op.Value)
		}
	}
	return err
}

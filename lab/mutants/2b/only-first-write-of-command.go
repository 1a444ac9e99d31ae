//go:build mutant

// Of a command that writes several keys only the first write takes effect.
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
		if op.Delete {
			b.Delete(op.CF, op.Key)
		} else {
			b.Put(op.CF, op.Key, op.Value)
		}
		break
	}
	return err
}

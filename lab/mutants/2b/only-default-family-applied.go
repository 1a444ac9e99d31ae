//go:build mutant

// Everything is written to the default family, whatever family the command says.
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
			b.Delete(engine.CFDefault, op.Key)
		} else {
			b.Put(engine.CFDefault, op.Key, op.Value)
		}
	}
	return err
}

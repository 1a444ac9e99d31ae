//go:build mutant

// The data of the entries are written first, and the applied index after them.
// After a crash in between the data are newer than the index says.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) apply() *applier {
	a := p.apply_original()
	for _, part := range a.parts {
		var data engine.Batch
		data.Append(part.Ops()[:part.Len()-1]...) // without the index, which ends it
		if err := p.store.cfg.KVEngine.Write(&data, false); err != nil {
			p.store.writeFailed(err)
			break
		}
	}
	return a
}

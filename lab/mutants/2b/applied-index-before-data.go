//go:build mutant

// The applied index is written in a batch of its own, before the data. If a
// crash comes between the two, the log does not bring the data back: they count
// as applied.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (p *peer) apply() *applier {
	a := p.apply_original()
	if len(a.parts) == 0 {
		return a
	}
	var index engine.Batch
	put(&index, cfMeta, stateKey(a.state.Region.Id), a.state)
	if err := p.store.cfg.KVEngine.Write(&index, false); err != nil {
		p.store.writeFailed(err)
	}
	return a
}

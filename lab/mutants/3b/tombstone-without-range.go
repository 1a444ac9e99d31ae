//go:build mutant

// A tombstone does not say which data are still to be deleted: a crash before
// they are leaves them for good.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/metapb"

func (p *peer) clearAway() {
	if p.background > 0 {
		return
	}
	p.clearAway_original()
	w := writer{store: p.store, engine: p.store.cfg.KVEngine}
	w.add(tombstone(&metapb.Region{Id: p.region().Id}, p.id), false)
	w.flush()
}

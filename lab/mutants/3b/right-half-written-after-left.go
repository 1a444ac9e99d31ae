//go:build mutant

// The state of the right half is not in the part that ends the left half, but is
// written afterwards, when its peer is made. A crash between the two loses the
// right half.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (a *applier) split(c *raftserverpb.Command) error {
	err := a.split_original(c)
	if err != nil || a.next.others[0].Tombstone {
		return err
	}
	others, effect, store := a.next.others, a.next.effect, a.peer.store
	a.next.others = nil
	a.next.effect = func() {
		w := writer{store: store, engine: store.cfg.KVEngine}
		var part engine.Batch
		put(&part, cfMeta, stateKey(others[0].Region.Id), others[0])
		w.add(&part, false)
		if w.flush() {
			effect()
		}
	}
	return nil
}

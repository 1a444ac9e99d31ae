//go:build mutant

// The tombstone of a removed peer is deleted with its data, to save room. After
// a restart, an old message creates it again.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
)

func (c *Config) bury(r *metapb.Region, peerID uint64) error {
	if err := c.bury_original(r, peerID); err != nil {
		return err
	}
	var state engine.Batch
	state.Delete(cfMeta, stateKey(r.Id))
	return c.KVEngine.Write(&state, true)
}

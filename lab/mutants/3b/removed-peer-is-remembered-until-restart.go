//go:build mutant

// The tombstone of a removed peer is deleted with its data, to save room. After
// a restart, an old message creates it again.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (c *Config) bury(state *raftserverpb.RegionState) error {
	if err := c.bury_original(state); err != nil {
		return err
	}
	var part engine.Batch
	part.Delete(cfMeta, stateKey(state.Region.Id))
	return c.KVEngine.Write(&part, true)
}

//go:build mutant

// To install a snapshot, all data of the store are deleted, not only the data
// of the region.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"math"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
)

func (c *Config) clear(r *metapb.Region) error {
	if err := c.RaftEngine.DeleteRange(cfRaft, logRange(r.Id, 0, math.MaxUint64)); err != nil {
		return err
	}
	for _, cf := range engine.Families {
		if err := c.KVEngine.DeleteRange(cf, engine.Range{}); err != nil {
			return err
		}
	}
	return nil
}

//go:build mutant

// The installation of a snapshot deletes all keys of each family, not only
// those of the region.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
	"math"
)

func (c *Config) clear(old *raftserverpb.RegionState) error {
	if err := c.RaftEngine.DeleteRange(cfRaft, logRange(old.Region.Id, 0, math.MaxUint64)); err != nil {
		return err
	}
	for _, cf := range engine.Families {
		if err := c.KVEngine.DeleteRange(cf, engine.Range{}); err != nil {
			return err
		}
	}
	return nil
}

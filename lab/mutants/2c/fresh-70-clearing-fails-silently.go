//go:build mutant

// An error that comes while the old data are deleted is ignored: the new data
// replace them anyway.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/raftserverpb"
	"math"
)

func (c *Config) clear(old *raftserverpb.RegionState) error {
	if err := c.RaftEngine.DeleteRange(cfRaft, logRange(old.Region.Id, 0, math.MaxUint64)); err != nil {
		return err
	}
	for _, cf := range engine.Families {
		_ = c.KVEngine.DeleteRange(cf, region.Range(old.Region))
	}
	return nil
}

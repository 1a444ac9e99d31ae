//go:build mutant

// A replica that has applied nothing has no data, so nothing is deleted before
// a snapshot is installed, its log included.
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
	if old.AppliedIndex == 0 {
		return nil
	}
	if err := c.RaftEngine.DeleteRange(cfRaft, logRange(old.Region.Id, 0, math.MaxUint64)); err != nil {
		return err
	}
	for _, cf := range engine.Families {
		if err := c.KVEngine.DeleteRange(cf, region.Range(old.Region)); err != nil {
			return err
		}
	}
	return nil
}

//go:build mutant

// The installation of a snapshot deletes the old log up to what was applied of
// it; entries that were never applied stay on the disk.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (c *Config) clear(old *raftserverpb.RegionState) error {
	if err := c.RaftEngine.DeleteRange(cfRaft, logRange(old.Region.Id, 0, old.AppliedIndex+1)); err != nil {
		return err
	}
	for _, cf := range engine.Families {
		if err := c.KVEngine.DeleteRange(cf, region.Range(old.Region)); err != nil {
			return err
		}
	}
	return nil
}

//go:build mutant

// The range that deletes the old log has no end: the logs of the regions with
// greater ids go, too.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (c *Config) clear(old *raftserverpb.RegionState) error {
	if err := c.RaftEngine.DeleteRange(cfRaft, engine.Range{Start: logKey(old.Region.Id, 0)}); err != nil {
		return err
	}
	for _, cf := range engine.Families {
		if err := c.KVEngine.DeleteRange(cf, region.Range(old.Region)); err != nil {
			return err
		}
	}
	return nil
}

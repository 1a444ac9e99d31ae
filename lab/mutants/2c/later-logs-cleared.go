//go:build mutant

// The range that deletes the old log has no end: the logs of the regions with
// greater ids go, too.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (c *Config) clear(r *metapb.Region) error {
	if err := c.RaftEngine.DeleteRange(cfRaft, engine.Range{Start: logKey(r.Id, 0)}); err != nil {
		return err
	}
	for _, cf := range engine.Families {
		if err := c.KVEngine.DeleteRange(cf, region.Range(r)); err != nil {
			return err
		}
	}
	return nil
}

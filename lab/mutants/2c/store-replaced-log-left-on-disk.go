//go:build mutant

// The entries that a snapshot replaces stay on the disk: compaction looks only
// at what is before the beginning of the log, and a longer log than the
// snapshot ends after it.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (c *Config) clear(r *metapb.Region) error {
	for _, cf := range engine.Families {
		if err := c.KVEngine.DeleteRange(cf, region.Range(r)); err != nil {
			return err
		}
	}
	return nil
}

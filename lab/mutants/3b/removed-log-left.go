//go:build mutant

// A removed peer leaves its log. A later peer of the region on the store takes
// it for its own.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (c *Config) bury(r *metapb.Region, peerID uint64) error {
	if r.RegionEpoch != nil {
		for _, cf := range engine.Families {
			if err := c.KVEngine.DeleteRange(cf, region.Range(r)); err != nil {
				return err
			}
		}
	}
	return c.KVEngine.Write(tombstone(&metapb.Region{Id: r.Id}, peerID), true)
}

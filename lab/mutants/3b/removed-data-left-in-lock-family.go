//go:build mutant

// A removed peer deletes the data of the default family alone.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"math"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (c *Config) clear(r *metapb.Region) error {
	if err := c.RaftEngine.DeleteRange(cfRaft, logRange(r.Id, 0, math.MaxUint64)); err != nil || r.RegionEpoch == nil {
		return err
	}
	return c.KVEngine.DeleteRange(engine.CFDefault, region.Range(r))
}

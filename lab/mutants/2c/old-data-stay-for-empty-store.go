//go:build mutant

// A replica that has applied nothing has no data, so nothing is deleted before
// a snapshot is installed, its log included.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"math"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (c *Config) clear(r *metapb.Region) error {
	state, err := LoadRegionState(c.KVEngine, r.Id)
	if err != nil || state.AppliedIndex == 0 {
		return err
	}
	if err := c.RaftEngine.DeleteRange(cfRaft, logRange(r.Id, 0, math.MaxUint64)); err != nil {
		return err
	}
	for _, cf := range engine.Families {
		if err := c.KVEngine.DeleteRange(cf, region.Range(r)); err != nil {
			return err
		}
	}
	return nil
}

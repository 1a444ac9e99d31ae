//go:build mutant

// Before a snapshot is installed, the default family is cleared, and the others
// are not: what was deleted there comes back.
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
	if err := c.RaftEngine.DeleteRange(cfRaft, logRange(r.Id, 0, math.MaxUint64)); err != nil {
		return err
	}
	return c.KVEngine.DeleteRange(engine.CFDefault, region.Range(r))
}

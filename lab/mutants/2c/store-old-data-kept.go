//go:build mutant

// The data of a snapshot are written over the old data. Keys that were deleted
// in the meantime are not in the snapshot, and so they come back.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"math"

	"github.com/labkv/labkv/proto/raftserverpb"
)

func (c *Config) clear(old *raftserverpb.RegionState) error {
	return c.RaftEngine.DeleteRange(cfRaft, logRange(old.Region.Id, 0, math.MaxUint64))
}

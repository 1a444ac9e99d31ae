//go:build mutant

// The data of a snapshot are written over the old data. Keys that were deleted
// in the meantime are not in the snapshot, and so they come back.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"math"

	"github.com/labkv/labkv/proto/metapb"
)

func (c *Config) clear(r *metapb.Region) error {
	return c.RaftEngine.DeleteRange(cfRaft, logRange(r.Id, 0, math.MaxUint64))
}

//go:build mutant

// A split is checked like a write, by the version alone. A peer that was added
// in between gets no peer of the right half, and the number of ids is wrong.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func evolve(r *metapb.Region, c *raftserverpb.Command) ([]*metapb.Region, error) {
	if c.Split != nil && c.Epoch != nil {
		c = proto.CloneOf(c)
		c.Epoch.ConfVer = r.RegionEpoch.ConfVer
	}
	return evolve_original(r, c)
}

//go:build mutant

// A change of the members is refused if the region was split since. The
// scheduler is never done with a region that is split often.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func evolve(r *metapb.Region, c *raftserverpb.Command) ([]*metapb.Region, error) {
	if err := region.Check(r, c.Epoch); err != nil {
		return nil, err
	}
	return evolve_original(r, c)
}

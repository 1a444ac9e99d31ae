//go:build mutant

// The epoch of a split or a change of the members is checked when it is
// proposed, and not again at its place in the log. What was proposed twice is
// done twice, and a split cuts a region that is no longer the one it was meant
// for.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (a *applier) evolve(c *raftserverpb.Command) ([]*metapb.Region, error) {
	c = proto.CloneOf(c)
	c.Epoch = a.state.Region.RegionEpoch
	return a.evolve_original(c)
}

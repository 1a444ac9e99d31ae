//go:build mutant

// A split or a change of the members is checked against the region as it was
// before the Ready: a replica that gets two of them in one Ready decides
// otherwise than one that gets them one by one.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (a *applier) evolve(c *raftserverpb.Command) ([]*metapb.Region, error) {
	return evolve(a.peer.region(), c)
}

//go:build mutant

// The version of the region is checked when a write is proposed, and not again
// when its entry is applied. In between the region may have become another one.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) evaluate(e *eraftpb.Entry) ([]engine.Op, error) {
	ops := EntryOps(e)
	for _, op := range ops {
		if err := region.Check(a.state.Region, a.state.Region.RegionEpoch, op.Key); err != nil {
			return nil, err
		}
	}
	return ops, nil
}

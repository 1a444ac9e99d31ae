//go:build mutant

// Before an entry is applied, only those of later versions of the region are
// sorted out. An entry that was made before the region changed has its effect
// on what it is now.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (a *applier) evaluate(e *eraftpb.Entry) ([]engine.Op, error) {
	c := &raftserverpb.Command{}
	if proto.Unmarshal(e.Data, c) != nil || c.Epoch.GetVersion() >= a.state.Region.RegionEpoch.Version {
		return a.evaluate_original(e)
	}
	ops := EntryOps(e)
	for _, op := range ops {
		if err := region.Check(a.state.Region, a.state.Region.RegionEpoch, op.Key); err != nil {
			return nil, err
		}
	}
	return ops, nil
}

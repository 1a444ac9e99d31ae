//go:build mutant

// Before an entry is applied, only those of earlier versions of the region are
// sorted out. An entry of a later version has its effect, on a range that its
// client does not mean.
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
	if proto.Unmarshal(e.Data, c) != nil || c.Epoch.GetVersion() <= a.state.Region.RegionEpoch.Version {
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

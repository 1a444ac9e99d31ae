//go:build mutant

// A request without an epoch is taken for one that has the right epoch, when it
// is proposed and when it is applied. Its client does not say which keys it means,
// and could mean any of those that the region ever had.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	epoch := rc.RegionEpoch
	if epoch == nil {
		epoch = p.region().RegionEpoch
	}
	return p.check_original(&kvrpcpb.Context{RegionEpoch: epoch, Term: rc.Term, Peer: rc.Peer}, keys...)
}

func (a *applier) evaluate(e *eraftpb.Entry) ([]engine.Op, error) {
	c := &raftserverpb.Command{}
	if proto.Unmarshal(e.Data, c) != nil || c.Epoch != nil {
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

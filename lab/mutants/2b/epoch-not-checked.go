//go:build mutant

// The epoch that a client names is never compared with the region's, neither
// when its write is proposed nor when it is applied. The client may mean keys
// that another region has by now.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	return p.check_original(&kvrpcpb.Context{RegionEpoch: p.region().RegionEpoch, Term: rc.Term, Peer: rc.Peer}, keys...)
}

func (a *applier) evaluate(e *eraftpb.Entry) ([]engine.Op, error) {
	ops := EntryOps(e)
	for _, op := range ops {
		if err := region.Check(a.state.Region, a.state.Region.RegionEpoch, op.Key); err != nil {
			return nil, err
		}
	}
	return ops, nil
}

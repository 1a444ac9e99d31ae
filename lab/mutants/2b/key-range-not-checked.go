//go:build mutant

// Keys outside the region are written all the same: they are checked neither
// when a write is proposed nor when it is applied.
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

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error { return p.check_original(rc) }

func (a *applier) evaluate(e *eraftpb.Entry) ([]engine.Op, error) {
	c := &raftserverpb.Command{}
	if len(e.Data) == 0 || proto.Unmarshal(e.Data, c) != nil {
		return nil, nil
	}
	if err := region.Check(a.state.Region, c.Epoch); err != nil {
		return nil, err
	}
	return opsOf(c), nil
}

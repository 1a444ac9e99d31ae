//go:build mutant

// A write that is checked against the region as it was before the Ready: behind a split in the
// same Ready, it is applied to the right half.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (a *applier) evaluate(e *eraftpb.Entry) ([]engine.Op, error) {
	if e.EntryType == eraftpb.EntryType_EntryConfChange {
		return nil, a.changeMembers(e)
	}
	if len(e.Data) == 0 {
		return nil, nil // a new leader's first entry
	}
	c := &raftserverpb.Command{}
	a.decode(e, e.Data, c)
	if c.Split != nil {
		return nil, a.split(c)
	}
	ops := opsOf(c)
	for _, op := range ops {
		if err := region.Check(a.peer.region(), c.Epoch, op.Key); err != nil {
			return nil, err
		}
	}
	return ops, nil
}

//go:build mutant

// Whether the keys of an entry are in the region is checked for its first and
// its last operation, as if the operations were sorted.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"
)

func (a *applier) evaluate(e *eraftpb.Entry) ([]engine.Op, error) {
	if e.EntryType != eraftpb.EntryType_EntryNormal || len(e.Data) == 0 {
		return nil, nil // a new leader's first entry
	}
	c := &raftserverpb.Command{}
	if err := proto.Unmarshal(e.Data, c); err != nil {
		// Every replica reads the same bytes: either they were wrong
		// when they were proposed, or the disk has changed them.
		panic(errors.Annotatef(err, "region %d: entry %d is corrupt", a.state.Region.Id, e.Index))
	}
	ops := opsOf(c)
	if len(ops) > 0 {
		if err := region.Check(a.state.Region, c.Epoch, ops[0].Key, ops[len(ops)-1].Key); err != nil {
			return nil, err
		}
	}
	return ops, nil
}

//go:build mutant

// Of several operations on one key only the last is kept, and the families are
// forgotten: a lock and a value of the same key are two keys.
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
	for _, op := range ops {
		if err := region.Check(a.state.Region, c.Epoch, op.Key); err != nil {
			return nil, err
		}
	}
	last := map[string]int{}
	for i, op := range ops {
		last[string(op.Key)] = i
	}
	kept := ops[:0]
	for i, op := range ops {
		if last[string(op.Key)] == i {
			kept = append(kept, op)
		}
	}
	return kept, nil
}

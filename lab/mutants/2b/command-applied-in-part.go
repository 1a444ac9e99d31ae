//go:build mutant

// Each operation of a command is checked by itself when it is applied. The
// operations on keys of the region take effect, and the others do not: half of
// a command is done.
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
	ops, err := a.evaluate_original(e)
	c := &raftserverpb.Command{}
	if err == nil || proto.Unmarshal(e.Data, c) != nil {
		return ops, err
	}
	for _, op := range opsOf(c) {
		if region.Check(a.state.Region, c.Epoch, op.Key) == nil {
			ops = append(ops, op)
		}
	}
	return ops, err
}

//go:build mutant

// A command may be as large as the largest value of the engine. But what is
// written to the log is an entry, with an index and a term around the command:
// one put just under the limit stops every store that gets it, again at each
// restart.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func NewWrite(rc *kvrpcpb.Context, ops []engine.Op, done func(error)) (*Write, error) {
	size := 0
	for _, op := range ops {
		size += len(op.Value)
	}
	if size < maxCommandSize/2 {
		return NewWrite_original(rc, ops, done)
	}
	if err := engine.CheckOps(ops, engine.Families); err != nil {
		return nil, err
	}
	c := &raftserverpb.Command{Epoch: rc.RegionEpoch}
	for _, op := range ops {
		c.Writes = append(c.Writes, &raftserverpb.Write{Cf: op.CF, Key: op.Key, Value: op.Value, Delete: op.Delete})
	}
	data, err := proto.Marshal(c)
	if err != nil {
		return nil, err
	}
	if len(data) > engine.MaxValueSize {
		return nil, &engine.TooLargeError{What: "write", Size: len(data), Limit: engine.MaxValueSize}
	}
	return &Write{context: rc, data: data, low: ops[0].Key, high: ops[len(ops)-1].Key, done: done}, nil
}

//go:build mutant

// The version of the region is checked when a command is proposed, and not again
// when it is applied. In between the region may have become another one.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"

	"google.golang.org/protobuf/proto"
)

func (p *peer) applyEntry(b *engine.Batch, e *eraftpb.Entry) error {
	c := &raftserverpb.Command{}
	if len(e.Data) == 0 || proto.Unmarshal(e.Data, c) != nil {
		return p.applyEntry_original(b, e)
	}
	c.Epoch = p.region().RegionEpoch
	same := proto.CloneOf(e)
	var err error
	if same.Data, err = proto.Marshal(c); err != nil {
		return err
	}
	return p.applyEntry_original(b, same)
}

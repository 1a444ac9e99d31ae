//go:build mutant

// Keys outside the region are written all the same, at proposal as when applied.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"
)

func (p *peer) check(rc *kvrpcpb.Context, writes []*raftserverpb.Write) error {
	return p.check_original(rc, nil)
}

func (p *peer) applyEntry(b *engine.Batch, e *eraftpb.Entry) error {
	c := &raftserverpb.Command{}
	if err := proto.Unmarshal(e.Data, c); err != nil {
		panic(errors.Annotatef(err, "entry %d is corrupt", e.Index))
	}
	for _, w := range c.Writes {
		if w.Delete {
			b.Delete(w.Cf, w.Key)
		} else {
			b.Put(w.Cf, w.Key, w.Value)
		}
	}
	return nil
}

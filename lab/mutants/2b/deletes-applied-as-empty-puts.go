//go:build mutant

// A delete is applied as a put of its value, which is empty. The key is still
// there, with an empty value.
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
	var writes engine.Batch
	if err := p.applyEntry_original(&writes, e); err != nil || writes.Len() == 0 {
		return err
	}
	c := &raftserverpb.Command{}
	if err := proto.Unmarshal(e.Data, c); err != nil {
		return err
	}
	for _, w := range c.Writes {
		b.Put(w.Cf, w.Key, w.Value)
	}
	return nil
}

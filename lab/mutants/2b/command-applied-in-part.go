//go:build mutant

// Each write of a command is checked by itself when it is applied. Those with a key
// of the region take effect, and the others do not: half of a command is done.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"

	"google.golang.org/protobuf/proto"
)

func (p *peer) applyEntry(b *engine.Batch, e *eraftpb.Entry) error {
	err := p.applyEntry_original(b, e)
	c := &raftserverpb.Command{}
	if err == nil || proto.Unmarshal(e.Data, c) != nil || c.Epoch.GetVersion() != p.region().RegionEpoch.GetVersion() {
		return err
	}
	for _, w := range c.Writes {
		switch {
		case !region.Range(p.region()).Contains(w.Key):
		case w.Delete:
			b.Delete(w.Cf, w.Key)
		default:
			b.Put(w.Cf, w.Key, w.Value)
		}
	}
	return err
}

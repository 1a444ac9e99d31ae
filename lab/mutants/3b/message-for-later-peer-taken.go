//go:build mutant

// A peer takes messages for a later peer of its region on its store as its own.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) step(m *raftserverpb.RaftMessage) {
	if m.ToPeer.GetId() != p.id && m.Message != nil {
		m = proto.CloneOf(m)
		m.ToPeer.Id, m.Message.To = p.id, p.id
	}
	p.step_original(m)
}

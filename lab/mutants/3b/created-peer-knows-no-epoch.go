//go:build mutant

// A peer that a message has created does not note the message's epoch. Every farewell
// is later than nothing, so one that was meant for an earlier time ends it.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (l *lobby) receive(m *raftserverpb.RaftMessage) {
	l.receive_original(m)
	if p := l.store.directory.peer(m.RegionId); p != nil && !p.isInitialized() {
		p.seen = &metapb.RegionEpoch{}
	}
}

//go:build mutant

// A member leaves whenever a message says so, also one that was on its way since
// before it was added.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (p *peer) meet(m *raftserverpb.RaftMessage) bool {
	if m.IsTombstone {
		p.destroy("a message says that it was removed")
		return false
	}
	return p.meet_original(m)
}

//go:build mutant

// A snapshot for another peer is dropped before its file is noted. The file
// stays.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (p *peer) step(m *raftserverpb.RaftMessage) {
	if to := m.ToPeer.GetId(); to != p.id {
		p.logger.Warn("dropped a message for another peer", "to", to)
		return
	}
	p.step_original(m)
}

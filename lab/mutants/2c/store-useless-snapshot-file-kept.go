//go:build mutant

// A received file is noted only if its snapshot brings something new. The file
// of a snapshot that came late or twice stays.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (p *peer) step(m *raftserverpb.RaftMessage) {
	received := p.snapshots.received
	p.step_original(m)
	if s := m.Message.Snapshot; s.GetMetadata() != nil && s.Metadata.Index <= p.appliedIndex() {
		p.snapshots.received = received
	}
}

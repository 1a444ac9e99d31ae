//go:build mutant

// A peer that takes messages for an earlier peer of the region on its store.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (p *peer) step(m *raftserverpb.RaftMessage) {
	// The file is there, whatever becomes of the message.
	if s := m.Message.GetSnapshot(); s.GetMetadata() != nil {
		p.snapshots.receive(SnapshotName(m.RegionId, s.Metadata))
	}
	if p.dying || p.disagrees(m) && !p.meet(m) {
		return
	}
	if !p.claims(m.Message.Snapshot) {
		return // another region still has keys of this one
	}
	if err := p.node.Step(m.Message); err != nil {
		p.logger.Debug("dropped a message", "from", m.FromPeer.GetId(), "type", m.Message.GetMsgType(), "reason", err)
	}
	p.noteContact(m.Message)
	p.noteHeartbeat(m.Message)
}

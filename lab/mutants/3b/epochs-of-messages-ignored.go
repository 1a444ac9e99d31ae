//go:build mutant

// A peer that does not look at the epochs of messages.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (p *peer) step(m *raftserverpb.RaftMessage) {
	// The file is there, whatever becomes of the message.
	if s := m.Message.GetSnapshot(); s.GetMetadata() != nil {
		p.snapshots.receive(SnapshotName(m.RegionId, s.Metadata))
	}
	if p.disagrees(m); p.dying || m.Message == nil {
		return
	}
	if to := m.ToPeer.GetId(); to != p.id {
		p.logger.Warn("dropped a message for another peer", "to", to)
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

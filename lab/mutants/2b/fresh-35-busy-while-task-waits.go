//go:build mutant

// Messages are dropped while a task waits for the disk, votes included, because
// they could not be saved anyway, and so are the heartbeats that tell the node
// who leads.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) step(m *raftserverpb.RaftMessage) {
	if to := m.ToPeer.GetId(); to != p.id {
		p.logger.Warn("dropped a message for another peer", "to", to)
		return
	}
	if p.task != nil {
		return
	}
	if s := m.Message.Snapshot; s.GetMetadata() != nil {
		p.snapshots.receive(SnapshotName(m.RegionId, s.Metadata))
	}
	if err := p.node.Step(m.Message); err != nil {
		p.logger.Debug("dropped a message", "from", m.FromPeer.GetId(), "type", m.Message.GetMsgType(), "reason", err)
	}
	p.noteHeartbeat(m.Message)
}

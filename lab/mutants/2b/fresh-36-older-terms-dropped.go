//go:build mutant

// Messages of an earlier term are dropped before Raft sees them, so a node from
// the past is never told which term it is.
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
	if s := m.Message.Snapshot; s.GetMetadata() != nil {
		p.snapshots.receive(SnapshotName(m.RegionId, s.Metadata))
	}
	if m.Message.Term < p.node.BasicStatus().Term {
		return
	}
	if err := p.node.Step(m.Message); err != nil {
		p.logger.Debug("dropped a message", "from", m.FromPeer.GetId(), "type", m.Message.GetMsgType(), "reason", err)
	}
	p.noteHeartbeat(m.Message)
}

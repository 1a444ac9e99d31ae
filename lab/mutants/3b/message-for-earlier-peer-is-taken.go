//go:build mutant

// A message is taken by the peer of the region that is here, whichever peer it is for.
// The later peer takes terms and commit indexes that were meant for an earlier one, and
// answers for it.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (p *peer) step(m *raftserverpb.RaftMessage) {
	if s := m.Message.GetSnapshot(); s.GetMetadata() != nil {
		p.snapshots.receive(SnapshotName(m.RegionId, s.Metadata))
	}
	if p.dying || p.disagrees(m) && !p.meet(m) {
		return
	}
	if !p.claims(m.Message.Snapshot) {
		return
	}
	if err := p.node.Step(m.Message); err != nil {
		p.logger.Debug("dropped a message", "from", m.FromPeer.GetId(), "type", m.Message.GetMsgType(), "reason", err)
	}
	p.noteContact(m.Message)
	p.noteHeartbeat(m.Message)
}

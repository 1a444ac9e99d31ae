//go:build mutant

// A peer that is created for a message takes the sender's range, epoch and itself for its
// region, and does not know that it lacks the data.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (l *lobby) receive(m *raftserverpb.RaftMessage) {
	s := l.store
	if m.IsTombstone {
		// A peer that is not here was removed: a split that has still to happen here
		// must not create it any more. A crash may forget this, and then somebody tells
		// the peer again.
		l.bury(m.RegionId, m.ToPeer.GetId())
		return
	}
	wanted := &metapb.Region{Id: m.RegionId, StartKey: m.StartKey, EndKey: m.EndKey}
	switch s.directory.admit(wanted, m.ToPeer.Id) {
	case admitted:
		p, err := newPeer(s, &raftserverpb.RegionState{Region: &metapb.Region{Id: m.RegionId, StartKey: m.StartKey, EndKey: m.EndKey, RegionEpoch: m.RegionEpoch, Peers: []*metapb.Peer{m.FromPeer, m.ToPeer}}, PeerId: m.ToPeer.Id})
		if err != nil {
			s.stop(errors.Annotatef(err, "region %d", m.RegionId))
			return
		}
		p.seen = m.RegionEpoch
		if !s.directory.enter(p, wanted) {
			return
		}
		p.logger.Info("created a peer for a message", "from", m.FromPeer.GetId())
		p.put(event{message: m})
	case early:
		if m.Message.MsgType == eraftpb.MessageType_MsgRequestVote {
			l.keep(m)
		}
	case gone: // and its sender may be, too
	}
}

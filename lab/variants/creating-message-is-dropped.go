//go:build variant

// The message that creates a peer is used for that alone, and is not given to the peer:
// like any message of Raft it may be lost, and its sender repeats it.
//
//lab:variant kv/raftstore 3B
package raftstore

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (l *lobby) receive(m *raftserverpb.RaftMessage) {
	if m.IsTombstone {
		l.bury(m.RegionId, m.ToPeer.GetId())
		return
	}
	s := l.store
	wanted := &metapb.Region{Id: m.RegionId, StartKey: m.StartKey, EndKey: m.EndKey}
	switch s.directory.admit(wanted, m.ToPeer.Id) {
	case admitted:
		p, err := newPeer(s, &raftserverpb.RegionState{Region: &metapb.Region{Id: m.RegionId}, PeerId: m.ToPeer.Id})
		if err != nil {
			s.stop(errors.Annotatef(err, "region %d", m.RegionId))
			return
		}
		p.seen = m.RegionEpoch
		p.remember(m.FromPeer)
		s.directory.enter(p, wanted)
	case early:
		if m.Message.MsgType == eraftpb.MessageType_MsgRequestVote {
			l.keep(m)
		}
	case gone:
	}
}

package raftstore

import (
	"math/bits"

	"github.com/labkv/labkv/proto/eraftpb"
)

// A loss counts the signs that a peer has lost entries on which its leader
// relies.
type loss struct {
	// heartbeats is the number of the leader's heartbeats in term that have
	// shown a loss.
	term       uint64
	heartbeats uint
}

// noteHeartbeat finds out whether the peer has lost entries that it once
// acknowledged, with its disk. The commit index of a heartbeat is never past
// the entries that its receiver has acknowledged, and those were durable. So a
// commit index past the end of the log shows a loss. A leader never repeats
// entries that were acknowledged; a leader that has not heard from the peer
// before starts from the beginning. So the peer asks for another leader.
//
// This is for a store that was emptied on purpose. The store cannot know
// whether its return is safe: it has forgotten its acknowledgements and its
// votes. The group loses nothing only if all other members have every committed
// entry, and stay until this peer has them, too.
func (p *peer) noteHeartbeat(m *eraftpb.Message) {
	if m.MsgType != eraftpb.MessageType_MsgHeartbeat || p.installing || m.From != p.node.BasicStatus().Lead {
		return
	}
	last, _ := p.storage.LastIndex()
	if m.Commit <= last {
		return
	}
	l := &p.loss
	if l.term != m.Term {
		*l = loss{term: m.Term}
	}
	// A transfer takes a while, and may fail: the peer asks again, but ever
	// less often.
	if l.heartbeats++; bits.OnesCount(l.heartbeats) != 1 {
		return
	}
	var others []uint64
	for _, member := range p.region().Peers {
		if member.Id != p.id && member.Id != m.From {
			others = append(others, member.Id)
		}
	}
	p.logger.Warn("asking for another leader: this one relies on entries that are lost here", "leader", m.From, "commit", m.Commit, "last", last)
	if len(others) == 0 {
		_ = p.node.Campaign() // the leader has to win again, and starts anew
		return
	}
	p.node.TransferLeader(others[bits.Len(l.heartbeats)%len(others)])
}

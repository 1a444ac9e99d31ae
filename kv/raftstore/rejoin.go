package raftstore

import (
	"math/bits"

	"github.com/labkv/labkv/proto/eraftpb"
)

// A loss is what the peer has lost of what its leader relies on.
type loss struct {
	// term is the leader's, and heartbeats the number of those in it that
	// have shown a loss.
	term       uint64
	heartbeats uint
}

// noteHeartbeat finds out whether the peer has lost what it once acknowledged, with
// its disk. The commit index of a heartbeat is never past what its receiver has
// acknowledged, and that was durable; so one past the end of the log shows a loss.
// A leader never sends again what was acknowledged. One that has not heard from the
// peer before starts from the beginning: the peer asks for such a leader.
//
// This is for a store that was emptied on purpose. Whether it may be back at all
// is not for it to decide: what it acknowledged, and whom it voted for, is gone,
// and nothing is lost only if all the others have what is committed, and stay
// until it has it too.
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
	// To hand over takes a while, and may fail: ask again, but ever less often.
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

package raftstore

import (
	"sync"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// The lobby takes messages for regions of which the store has no peer. There a peer is
// created that another store wants here, and there it is refused if it was removed
// before. The lobby also does what the store does as a whole: it reports to the
// scheduler.
type lobby struct {
	store *Store
	run   runState // guarded by the run queue

	mu       sync.Mutex
	messages []*raftserverpb.RaftMessage
	ticks    int
	// votes are requests for votes that came before the peer that they are for can be
	// created: the last one for each region. mu guards them.
	votes map[uint64]*raftserverpb.RaftMessage

	// clock and reported count ticks: since the store was opened, and until the last
	// report to the scheduler. They belong to the pass that has the lobby.
	clock, reported int
}

// maxVotes bounds the requests for votes that wait. More come only if more regions are
// being split at the same moment, and the candidates ask again.
const maxVotes = 1024

func newLobby(s *Store) *lobby {
	return &lobby{store: s, votes: map[uint64]*raftserverpb.RaftMessage{}}
}

func (l *lobby) place() *runState { return &l.run }

// put gives m to the lobby. A message may be dropped if many wait.
func (l *lobby) put(m *raftserverpb.RaftMessage) {
	l.mu.Lock()
	full := len(l.messages) >= maxMessages
	if !full {
		l.messages = append(l.messages, m)
	}
	l.mu.Unlock()
	if full {
		l.drop(m)
		return
	}
	l.store.queue.wake(l)
}

// tick advances the store's own clock.
func (l *lobby) tick() {
	if l.store.cfg.Scheduler == nil {
		return
	}
	l.mu.Lock()
	l.ticks++
	l.mu.Unlock()
	l.store.queue.wake(l)
}

// work handles what has come since the last pass.
func (l *lobby) work() {
	l.mu.Lock()
	messages, ticks := l.messages, l.ticks
	l.messages, l.ticks = nil, 0
	l.mu.Unlock()
	for _, m := range messages {
		// The peer may have been created since, by a split or by an earlier message.
		if p := l.store.directory.peer(m.RegionId); p != nil {
			if !p.put(event{message: m}) {
				l.drop(m)
			}
			continue
		}
		if m.Message.GetSnapshot().GetMetadata() != nil || !m.IsTombstone && !l.createsPeer(m) {
			// A snapshot without a peer comes too early: its sender asks whether it is
			// wanted before it sends the next one.
			l.drop(m)
			continue
		}
		l.receive(m)
	}
	if l.clock += ticks; ticks > 0 && l.clock-l.reported >= l.store.cfg.StoreHeartbeatTicks || l.reported == 0 && ticks > 0 {
		l.reported = l.clock
		l.store.cfg.Scheduler.StoreHeartbeat(&schedulerpb.StoreStats{
			StoreId:     l.store.cfg.StoreID,
			RegionCount: uint32(l.store.directory.count()),
		})
	}
}

// receive handles a message for a region of which no peer is here.
//
// The peer may be one that this store has never had: the region has got a new member,
// and the first message of its leader, or of a candidate, creates the peer, with
// nothing in it. Or it is one that was removed here. Then nothing may happen: it has
// forgotten what it has promised. Or the peer is about to be born here, by the split of
// a region that still has its keys on this store. Then nothing must be created that
// would be in its way. The leader of the new region is waiting for votes: the request
// for one is kept until then, and saves it another election.
//
//lab:implement 3B
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
		p, err := newPeer(s, &raftserverpb.RegionState{Region: &metapb.Region{Id: m.RegionId}, PeerId: m.ToPeer.Id})
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

// createsPeer reports whether m is of a kind that its receiver may be created for: it
// is from a leader, or from a candidate. Others answer a peer that is no more.
func (l *lobby) createsPeer(m *raftserverpb.RaftMessage) bool {
	switch m.Message.GetMsgType() {
	case eraftpb.MessageType_MsgRequestVote, eraftpb.MessageType_MsgHeartbeat, eraftpb.MessageType_MsgAppend:
		return m.RegionId != 0 && m.RegionEpoch != nil && m.ToPeer.GetId() != 0 && m.ToPeer.StoreId == l.store.cfg.StoreID
	}
	return false
}

// keep keeps a request for a vote.
func (l *lobby) keep(m *raftserverpb.RaftMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.votes[m.RegionId]; known || len(l.votes) < maxVotes {
		l.votes[m.RegionId] = m
	}
}

// deliver gives p, which was just born, what was kept for it.
func (l *lobby) deliver(p *peer, regionID uint64) {
	l.mu.Lock()
	m := l.votes[regionID]
	delete(l.votes, regionID)
	l.mu.Unlock()
	if m != nil {
		p.put(event{message: m})
	}
}

// bury notes that a peer that is not here was removed from its region.
func (l *lobby) bury(regionID, peerID uint64) {
	s := l.store
	if peerID == 0 {
		return
	}
	s.directory.buryAbsent(regionID, peerID, func() bool {
		w := writer{store: s, engine: s.cfg.KVEngine}
		w.add(tombstone(&metapb.Region{Id: regionID}, peerID), false)
		return w.flush()
	})
}

// drop drops a message, with the file of its snapshot.
func (l *lobby) drop(m *raftserverpb.RaftMessage) {
	meta := m.Message.GetSnapshot().GetMetadata()
	if meta == nil {
		return
	}
	name := SnapshotName(m.RegionId, meta)
	if err := l.store.cfg.Files.Remove(name); err != nil {
		l.store.cfg.Logger.Warn("cannot remove a snapshot file", "name", name, "error", err)
	}
}

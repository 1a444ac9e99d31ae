package raft

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// These tests break the rule that an id is never given to a node that has
// forgotten what it acknowledged (see Membership in the package comment):
// member 3 is removed and replaced by an empty node 3, while an acknowledgement
// of the old one is still on its way. They run with the guard against that, and
// without.

// A rejoining is node 1, which leads members whose part the test plays.
type rejoining struct {
	*RawNode
	t       *testing.T
	storage *MemoryStorage
	guarded bool
	sent    []*pb.Message // to node 3, since this was last emptied
}

func leadRejoining(t *testing.T, guarded bool, first ...*pb.Entry) *rejoining {
	storage := NewMemoryStorage(1, 2, 3)
	require.NoError(t, storage.Append(first))
	storage.SetHardState(&pb.HardState{Term: 1})
	rn, err := NewRawNode(&Config{
		ID: 1, ElectionTick: 10, HeartbeatTick: 1, Storage: storage,
		RandIntN: func(int) int { return 0 },
	})
	require.NoError(t, err)
	l := &rejoining{RawNode: rn, t: t, storage: storage, guarded: guarded}
	require.NoError(t, l.Campaign())
	l.handle()
	l.step(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, From: 2})
	require.Equal(t, StateLeader, l.Status().RaftState)
	return l
}

func (l *rejoining) step(m *pb.Message) {
	m.To, m.Term = 1, 2
	require.NoError(l.t, l.Step(m))
	l.handle()
}

func (l *rejoining) accept(from, index uint64) {
	l.step(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, From: from, Index: index})
}

func (l *rejoining) propose(data ...[]byte) uint64 {
	index, _, err := l.Propose(data...)
	require.NoError(l.t, err)
	l.handle()
	return index + uint64(len(data)) - 1
}

func (l *rejoining) change(kind pb.ConfChangeType) uint64 {
	index, _, err := l.ProposeConfChange(&pb.ConfChange{ChangeType: kind, NodeId: 3})
	require.NoError(l.t, err)
	l.handle()
	return index
}

func (l *rejoining) handle() {
	for l.HasReady() {
		rd := l.Ready()
		require.NoError(l.t, l.storage.Append(rd.Entries))
		for _, m := range rd.Messages {
			if m.To == 3 {
				l.sent = append(l.sent, m)
			}
		}
		for _, e := range rd.CommittedEntries {
			if e.EntryType == pb.EntryType_EntryConfChange {
				cc := &pb.ConfChange{}
				require.NoError(l.t, proto.Unmarshal(e.Data, cc))
				l.ApplyConfChange(cc)
				if p := l.raft.progress(3); p != nil && !l.guarded {
					p.floor = 0
				}
			}
		}
		l.Advance(rd)
	}
}

// serve plays an empty node 3, until nothing is left to say to it or it has got
// 100 messages, and returns where its log ends.
func (l *rejoining) serve() uint64 {
	storage := NewMemoryStorage()
	rn, err := NewRawNode(&Config{
		ID: 3, ElectionTick: 10, HeartbeatTick: 1, Storage: storage,
		RandIntN: func(int) int { return 0 },
	})
	require.NoError(l.t, err)
	for range 100 {
		if len(l.sent) == 0 {
			l.Tick() // the answer to a heartbeat tells of lost messages
			l.handle()
		}
		if len(l.sent) > 0 {
			m := l.sent[0]
			l.sent = l.sent[1:]
			require.NoError(l.t, rn.Step(m))
			for rn.HasReady() {
				rd := rn.Ready()
				if rd.Snapshot != nil {
					require.NoError(l.t, storage.ApplySnapshot(rd.Snapshot))
				}
				require.NoError(l.t, storage.Append(rd.Entries))
				for _, answer := range rd.Messages {
					require.NoError(l.t, l.Step(answer))
					l.handle()
				}
				rn.Advance(rd)
			}
		}
	}
	last, err := storage.LastIndex()
	require.NoError(l.t, err)
	return last
}

func changeOf3(t *testing.T, index uint64, kind pb.ConfChangeType) *pb.Entry {
	e, err := confChangeEntry(&pb.ConfChange{ChangeType: kind, NodeId: 3})
	require.NoError(t, err)
	e.Term, e.Index = 1, index
	return e
}

// A leader inherits both changes, and applies them at a time when it has sent the
// old node 3 more than is committed.
func TestLateAcknowledgementOfEarlierHolderCommitsNothing(t *testing.T) {
	inherit := func(guarded bool) *rejoining {
		l := leadRejoining(t, guarded,
			&pb.Entry{Term: 1, Index: 1},
			changeOf3(t, 2, pb.ConfChangeType_RemoveNode),
			changeOf3(t, 3, pb.ConfChangeType_AddNode))
		l.accept(3, 3) // the old node 3, which now gets entries without delay
		require.Equal(t, uint64(6), l.propose([]byte("a"), []byte("b")), "after the leader's own entry 4")
		l.accept(2, 4)
		require.GreaterOrEqual(t, l.Status().Commit, uint64(4), "both changes are applied")
		l.sent = nil // the old node 3 has gone, with its disk
		l.accept(3, 6)
		return l
	}
	t.Run("without the guard", func(t *testing.T) {
		l := inherit(false)
		require.Equal(t, uint64(6), l.Status().Commit, "on one of three: node 1 alone has it on its disk")
	})
	t.Run("with the guard", func(t *testing.T) {
		l := inherit(true)
		require.Equal(t, uint64(4), l.Status().Commit)
		require.Zero(t, l.Status().Progress[3].Match)

		// The new node 3 counts once it has caught up: nodes 1 and 3 are two of
		// three. The leader has added an entry of which only the new one can
		// tell.
		require.Equal(t, uint64(7), l.serve())
		require.Equal(t, uint64(7), l.Status().Commit)
		require.Equal(t, uint64(7), l.Status().Progress[3].Match)
		l.TransferLeader(3)
		l.handle()
		require.True(t, slices.ContainsFunc(l.sent, func(m *pb.Message) bool {
			return m.MsgType == pb.MessageType_MsgTimeoutNow
		}), "it may lead")
	})
}

// A leader makes both changes. What the old node 3 acknowledges is committed by
// then, so nothing is lost; but a leader that believes it offers the new node
// only what follows, whose rejection makes it offer the same again, without
// end.
func TestLateAcknowledgementOfEarlierHolderStopsNothing(t *testing.T) {
	rejoin := func(guarded bool) *rejoining {
		l := leadRejoining(t, guarded, &pb.Entry{Term: 1, Index: 1})
		l.accept(3, 2)
		l.accept(2, 2)
		removal := l.change(pb.ConfChangeType_RemoveNode)
		last := l.propose([]byte("a"), []byte("b"))
		l.accept(2, removal)
		l.accept(2, last)
		addition := l.change(pb.ConfChangeType_AddNode)
		l.accept(2, addition)
		require.Equal(t, []uint64{1, 2, 3}, l.Status().Nodes)
		return l
	}
	// late is the acknowledgement of the old node 3, of all that it was sent.
	late := func(l *rejoining) { l.accept(3, l.Status().Commit-1) }
	t.Run("without the guard", func(t *testing.T) {
		l := rejoin(false)
		l.sent = nil
		late(l)
		require.Zero(t, l.serve(), "the new node 3 gets nothing that it can use")
	})
	t.Run("with the guard", func(t *testing.T) {
		l := rejoin(true)
		l.sent = nil
		late(l)
		l.Tick()
		l.handle()
		heartbeats := 0
		for _, m := range l.sent {
			if m.MsgType == pb.MessageType_MsgHeartbeat {
				heartbeats++
				require.Zero(t, m.Commit, "a heartbeat commits nothing in a log of which nothing is known")
			}
		}
		require.Equal(t, 1, heartbeats)
		last := l.raft.log.LastIndex()
		require.Equal(t, last, l.serve())
		require.Equal(t, last, l.Status().Progress[3].Match)
	})
	t.Run("with the guard, to a member that needs a snapshot", func(t *testing.T) {
		l := rejoin(true)
		last := l.Status().Applied
		require.NoError(t, l.storage.Compact(last, l.raft.confState(), nil))
		l.step(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, From: 3, Index: last, Reject: true})
		require.Equal(t, pb.MessageType_MsgSnapshot, l.sent[len(l.sent)-1].MsgType)
		late(l)
		require.Zero(t, l.Status().Progress[3].Match)
		require.Equal(t, last, l.serve())
		require.Equal(t, last, l.Status().Progress[3].Match)
	})
}

package raft_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// These tests are about speed and memory, which no claim of the paper covers:
// how much a leader sends before it hears an answer, and what it keeps.

// A flowLeader is node 1, the leader of term 1 in a group whose other members the
// test plays.
type flowLeader struct {
	*raft.RawNode
	t       *testing.T
	storage *raft.MemoryStorage
	reads   []raft.ReadState // the answers so far
}

// newFlowLeader returns the leader of three members.
func newFlowLeader(t *testing.T, limits raft.Config) *flowLeader {
	t.Helper()
	return newLeaderOf(t, limits, 1, 2, 3)
}

func newLeaderOf(t *testing.T, limits raft.Config, members ...uint64) *flowLeader {
	t.Helper()
	storage := raft.NewMemoryStorage(members...)
	limits.ID = 1
	limits.ElectionTick = 10
	limits.HeartbeatTick = 1
	limits.Storage = storage
	limits.RandIntN = func(int) int { return 0 }
	rn, err := raft.NewRawNode(&limits)
	require.NoError(t, err)
	l := &flowLeader{RawNode: rn, t: t, storage: storage}
	require.NoError(t, l.Campaign())
	l.handle()
	for _, id := range members[1:] {
		l.answer(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, From: id})
	}
	require.Equal(t, raft.StateLeader, l.Status().RaftState)
	return l
}

// handle does what the node wants done, and returns the append, snapshot and
// transfer messages to node 2.
func (l *flowLeader) handle() []*pb.Message {
	l.t.Helper()
	var to2 []*pb.Message
	for l.HasReady() {
		rd := l.Ready()
		require.NoError(l.t, l.storage.Append(rd.Entries))
		for _, m := range rd.Messages {
			if m.To == 2 && m.MsgType != pb.MessageType_MsgHeartbeat {
				to2 = append(to2, m)
			}
		}
		for _, e := range rd.CommittedEntries {
			if e.EntryType == pb.EntryType_EntryConfChange {
				cc := &pb.ConfChange{}
				require.NoError(l.t, proto.Unmarshal(e.Data, cc))
				l.ApplyConfChange(cc)
			}
		}
		l.reads = append(l.reads, rd.ReadStates...)
		l.Advance(rd)
	}
	return to2
}

// acknowledge answers for the members by that their logs agree up to index.
func (l *flowLeader) acknowledge(index uint64, by ...uint64) {
	l.t.Helper()
	l.handle()
	for _, from := range by {
		l.answer(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, From: from, Index: index})
	}
	l.handle()
}

// change makes a membership change that the members by acknowledge.
func (l *flowLeader) change(kind pb.ConfChangeType, id uint64, by ...uint64) {
	l.t.Helper()
	index, _, err := l.ProposeConfChange(&pb.ConfChange{ChangeType: kind, NodeId: id})
	require.NoError(l.t, err)
	l.acknowledge(index, by...)
	require.GreaterOrEqual(l.t, l.Status().Applied, index, "the change is applied")
}

func (l *flowLeader) answer(m *pb.Message) {
	l.t.Helper()
	m.To, m.Term = 1, l.Status().Term
	require.NoError(l.t, l.Step(m))
}

// accept answers for node 2 that its log agrees up to index.
func (l *flowLeader) accept(index uint64) {
	l.t.Helper()
	l.answer(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, From: 2, Index: index})
}

func (l *flowLeader) propose(n int, size int) {
	l.t.Helper()
	for range n {
		_, _, err := l.Propose(bytes.Repeat([]byte{'x'}, size))
		require.NoError(l.t, err)
	}
}

// entryCounts returns the number of entries in each message.
func entryCounts(msgs []*pb.Message) []int {
	counts := []int{}
	for _, m := range msgs {
		counts = append(counts, len(m.Entries))
	}
	return counts
}

func TestProbeSendsOneMessageUntilAnswered(t *testing.T) {
	l := newFlowLeader(t, raft.Config{})
	require.Equal(t, []int{1}, entryCounts(l.handle()), "the new leader sends its first entry")
	l.propose(3, 10)
	require.Empty(t, l.handle(), "nothing more until the logs are known to agree")

	l.accept(1)
	require.Equal(t, []int{3}, entryCounts(l.handle()), "then everything")
}

func TestProposalsBetweenReadysShareAMessage(t *testing.T) {
	l := newFlowLeader(t, raft.Config{})
	l.handle()
	l.accept(1)
	l.handle()
	l.propose(100, 10)
	msgs := l.handle()
	require.Equal(t, []int{100}, entryCounts(msgs))
	require.Equal(t, uint64(1), msgs[0].Commit, "the commit index rides along")
}

func TestReplicateSendsWithoutWaitingUpToTheInflightLimit(t *testing.T) {
	l := newFlowLeader(t, raft.Config{MaxInflightMsgs: 3})
	l.handle()
	l.accept(1)
	l.handle()
	sent := 0
	for range 10 {
		l.propose(1, 10)
		sent += len(l.handle())
	}
	require.Equal(t, 3, sent, "messages under way")

	l.accept(2)
	require.Contains(t, entryCounts(l.handle()), 7, "an answer makes room for one message, with all that waits")
}

func TestHeartbeatAnswerMakesRoomForOneMessage(t *testing.T) {
	l := newFlowLeader(t, raft.Config{MaxInflightMsgs: 2})
	l.handle()
	l.accept(1)
	l.handle()
	for range 4 {
		l.propose(1, 10)
		l.handle()
	}
	l.answer(&pb.Message{MsgType: pb.MessageType_MsgHeartbeatResponse, From: 2})
	require.Equal(t, []int{2}, entryCounts(l.handle()), "the messages under way may all have been lost")
}

func TestMessagesRespectTheSizeLimit(t *testing.T) {
	l := newFlowLeader(t, raft.Config{MaxSizePerMsg: 1000})
	l.handle()
	l.accept(1)
	l.handle()
	l.propose(10, 300)
	msgs := l.handle()
	require.Equal(t, []int{3, 3, 3, 1}, entryCounts(msgs))
	l.propose(2, 5000)
	require.Equal(t, []int{1, 1}, entryCounts(l.handle()), "an entry above the limit travels alone")
}

func TestCommittedEntriesRespectTheSizeLimit(t *testing.T) {
	l := newFlowLeader(t, raft.Config{MaxCommittedSizePerReady: 1000})
	l.handle()
	l.accept(1)
	l.handle()
	l.propose(5, 300)
	l.handle()
	l.accept(6)
	counts := []int{}
	for l.HasReady() {
		rd := l.Ready()
		counts = append(counts, len(rd.CommittedEntries))
		l.Advance(rd)
	}
	require.Equal(t, []int{3, 2}, counts)
}

func TestRejectionAndUnreachableGoBackToProbing(t *testing.T) {
	t.Run("rejection", func(t *testing.T) {
		l := newFlowLeader(t, raft.Config{})
		l.handle()
		l.accept(1)
		l.handle()
		l.propose(2, 10)
		l.handle()
		l.answer(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, From: 2, Index: 2, Reject: true, RejectHint: 1, LogTerm: 1})
		msgs := l.handle()
		require.Equal(t, []int{2}, entryCounts(msgs))
		require.Equal(t, uint64(1), msgs[0].Index, "starts again behind what is known to agree")
	})
	t.Run("unreachable", func(t *testing.T) {
		l := newFlowLeader(t, raft.Config{})
		l.handle()
		l.accept(1)
		l.handle()
		l.propose(2, 10)
		l.handle()
		l.ReportUnreachable(2)
		require.Equal(t, []int{2}, entryCounts(l.handle()))
		l.propose(2, 10)
		require.Empty(t, l.handle(), "one message until answered")
	})
	t.Run("rejection that was overtaken", func(t *testing.T) {
		l := newFlowLeader(t, raft.Config{})
		l.handle()
		l.accept(1)
		l.handle()
		l.propose(2, 10)
		l.handle()
		l.accept(3)
		l.handle()
		l.answer(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, From: 2, Index: 2, Reject: true})
		require.Empty(t, l.handle())
	})
}

func TestSnapshotIsSentOnceUntilReported(t *testing.T) {
	compacted := func(t *testing.T) *flowLeader {
		l := newFlowLeader(t, raft.Config{})
		l.handle()
		l.accept(1)
		l.propose(9, 10)
		l.handle()
		// Node 3 makes the majority; node 2 is lost from here on.
		l.answer(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, From: 3, Index: 10})
		l.handle()
		require.NoError(t, l.storage.Compact(10, &pb.ConfState{Nodes: []uint64{1, 2, 3}}, nil))
		l.ReportUnreachable(2)
		msgs := l.handle()
		require.Len(t, msgs, 1)
		require.Equal(t, pb.MessageType_MsgSnapshot, msgs[0].MsgType)
		l.propose(1, 10)
		l.answer(&pb.Message{MsgType: pb.MessageType_MsgHeartbeatResponse, From: 2})
		require.Empty(t, l.handle(), "the snapshot is under way")
		return l
	}
	t.Run("arrived", func(t *testing.T) {
		l := compacted(t)
		l.ReportSnapshot(2, true)
		require.Empty(t, l.handle(), "waits for a sign of life")
		l.answer(&pb.Message{MsgType: pb.MessageType_MsgHeartbeatResponse, From: 2})
		msgs := l.handle()
		require.Equal(t, []int{1}, entryCounts(msgs))
		require.Equal(t, uint64(10), msgs[0].Index, "goes on behind the snapshot")
	})
	t.Run("acknowledged before it is reported", func(t *testing.T) {
		l := compacted(t)
		l.accept(10)
		require.Equal(t, []int{1}, entryCounts(l.handle()))
	})
	t.Run("failed", func(t *testing.T) {
		l := compacted(t)
		l.ReportSnapshot(2, false)
		require.Empty(t, l.handle())
		l.answer(&pb.Message{MsgType: pb.MessageType_MsgHeartbeatResponse, From: 2})
		msgs := l.handle()
		require.Len(t, msgs, 1)
		require.Equal(t, pb.MessageType_MsgSnapshot, msgs[0].MsgType, "the entries are gone: the snapshot again")
	})
}

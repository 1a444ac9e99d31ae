package raft_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// ask asks for a read index, and returns the context of the heartbeats that go
// out for it.
func (l *flowLeader) ask(name string) []byte {
	l.t.Helper()
	l.ReadIndex([]byte(name))
	var context []byte
	for l.HasReady() {
		rd := l.Ready()
		require.NoError(l.t, l.storage.Append(rd.Entries))
		for _, m := range rd.Messages {
			if m.MsgType == pb.MessageType_MsgHeartbeat {
				context = m.Context
			}
		}
		l.reads = append(l.reads, rd.ReadStates...)
		l.Advance(rd)
	}
	require.NotEmpty(l.t, context)
	return context
}

// confirm answers a heartbeat with that context for the member from.
func (l *flowLeader) confirm(from uint64, context []byte) {
	l.t.Helper()
	l.answer(&pb.Message{MsgType: pb.MessageType_MsgHeartbeatResponse, From: from, Context: context})
	l.handle()
}

// answered returns the names of the reads that have been answered.
func (l *flowLeader) answered() []string {
	names := []string{}
	for _, s := range l.reads {
		names = append(names, string(s.Context))
	}
	return names
}

// A smaller group needs a smaller majority: a read that waits for it must not
// wait for an answer which no member is going to send.
func TestReadIsAnsweredWhenTheGroupShrinks(t *testing.T) {
	const remove = pb.ConfChangeType_RemoveNode
	t.Run("to its leader", func(t *testing.T) {
		l := newLeaderOf(t, raft.Config{}, 1, 2)
		l.acknowledge(1, 2)
		l.ask("x")
		require.Empty(t, l.answered())
		l.change(remove, 2, 2)
		require.Equal(t, []string{"x"}, l.answered())
		require.Equal(t, uint64(1), l.reads[0].Index)
	})
	t.Run("to a group whose majority has confirmed", func(t *testing.T) {
		l := newLeaderOf(t, raft.Config{}, 1, 2, 3, 4)
		l.acknowledge(1, 2, 3)
		l.confirm(2, l.ask("x"))
		require.Empty(t, l.answered(), "two of four")
		l.change(remove, 4, 2, 3)
		require.Equal(t, []string{"x"}, l.answered(), "two of three")
	})
	t.Run("not by the confirmation of the removed member", func(t *testing.T) {
		l := newLeaderOf(t, raft.Config{}, 1, 2, 3, 4)
		l.acknowledge(1, 2, 3)
		context := l.ask("x")
		l.confirm(4, context)
		l.change(remove, 4, 2, 3)
		require.Empty(t, l.answered(), "one of three")
		l.confirm(3, context)
		require.Equal(t, []string{"x"}, l.answered())
	})
}

// depose makes node 3 the leader of the next term, and then node 1 again.
func (l *flowLeader) depose() {
	l.t.Helper()
	term := l.Status().Term + 1
	require.NoError(l.t, l.Step(&pb.Message{MsgType: pb.MessageType_MsgHeartbeat, From: 3, To: 1, Term: term}))
	l.handle()
	require.NoError(l.t, l.Campaign())
	l.handle()
	l.answer(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, From: 2})
	require.Equal(l.t, raft.StateLeader, l.Status().RaftState)
	l.acknowledge(l.Status().Commit+1, 2)
}

// What confirms a read is an answer to a heartbeat that was sent after the read
// came. Everything else may have been sent before it.
func TestReadIsConfirmedByItsOwnRound(t *testing.T) {
	start := func(t *testing.T) *flowLeader {
		t.Helper()
		l := newFlowLeader(t, raft.Config{})
		l.acknowledge(1, 2, 3)
		return l
	}
	t.Run("not by a late answer to an earlier read", func(t *testing.T) {
		l := start(t)
		x := l.ask("x")
		l.confirm(3, x)
		require.Equal(t, []string{"x"}, l.answered())
		y := l.ask("y")
		l.confirm(2, x)
		l.confirm(3, x)
		require.Equal(t, []string{"x"}, l.answered(), "both had confirmed x before y came")
		l.confirm(2, y)
		require.Equal(t, []string{"x", "y"}, l.answered())
	})
	t.Run("not by an acknowledgement", func(t *testing.T) {
		l := start(t)
		l.propose(1, 1)
		l.handle()
		x := l.ask("x")
		l.acknowledge(2, 2, 3)
		l.answer(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, From: 2, Index: 2, Reject: true})
		l.handle()
		require.Empty(t, l.answered())
		l.confirm(3, x)
		require.Equal(t, []string{"x"}, l.answered())
	})
	t.Run("not by the answer to a heartbeat without a read", func(t *testing.T) {
		l := start(t)
		x := l.ask("x")
		l.confirm(2, nil)
		l.confirm(3, nil)
		require.Empty(t, l.answered())
		l.confirm(3, x)
		require.Equal(t, []string{"x"}, l.answered())
	})
	t.Run("not by one member again and again", func(t *testing.T) {
		l := newLeaderOf(t, raft.Config{}, 1, 2, 3, 4, 5)
		l.acknowledge(1, 2, 3, 4, 5)
		x := l.ask("x")
		for range 5 {
			l.confirm(4, x)
		}
		require.Empty(t, l.answered())
		l.confirm(5, x)
		require.Equal(t, []string{"x"}, l.answered())
	})
	t.Run("by a later one, with those before it", func(t *testing.T) {
		l := start(t)
		l.ask("x")
		l.ask("y")
		l.confirm(2, l.ask("z"))
		require.Equal(t, []string{"x", "y", "z"}, l.answered())
	})
	t.Run("by the leader alone, if it is", func(t *testing.T) {
		l := newLeaderOf(t, raft.Config{}, 1)
		l.handle()
		l.ReadIndex([]byte("x"))
		require.True(t, l.HasReady(), "there is an answer to hand out")
		l.handle()
		require.Equal(t, []string{"x"}, l.answered())
		require.False(t, l.HasReady(), "the answer is handed out once")
	})
}

// Half of an even group is no majority. A leader whose group has shrunk by a
// change that it has not applied yet would count half of the wrong group, and
// that may lack every voter of the next leader.
func TestHalfOfTheGroupConfirmsNoRead(t *testing.T) {
	for _, c := range []struct{ members, by, more []uint64 }{
		{[]uint64{1, 2}, nil, []uint64{2}},
		{[]uint64{1, 2, 3, 4}, []uint64{2}, []uint64{3}},
		{[]uint64{1, 2, 3, 4, 5, 6}, []uint64{2, 5}, []uint64{6}},
	} {
		l := newLeaderOf(t, raft.Config{}, c.members...)
		l.acknowledge(1, c.members[1:]...)
		x := l.ask("x")
		for _, id := range c.by {
			l.confirm(id, x)
		}
		require.Empty(t, l.answered(), "%v besides the leader, of %v", c.by, c.members)
		for _, id := range c.more {
			l.confirm(id, x)
		}
		require.Equal(t, []string{"x"}, l.answered())
	}
}

// A heartbeat may get lost, or its answer. The next one asks again.
func TestReadIsAskedAgainWithEachHeartbeat(t *testing.T) {
	l := newFlowLeader(t, raft.Config{})
	l.acknowledge(1, 2, 3)
	l.ask("x")
	for range 3 {
		l.Tick()
		asked := 0
		for l.HasReady() {
			rd := l.Ready()
			for _, m := range rd.Messages {
				if m.MsgType == pb.MessageType_MsgHeartbeat && len(m.Context) > 0 {
					asked++
				}
			}
			l.Advance(rd)
		}
		require.Equal(t, 2, asked, "the members that the next heartbeats ask")
	}
	l.Tick()
	l.confirm(3, l.ask("y"))
	require.Equal(t, []string{"x", "y"}, l.answered())
}

// A read that was asked of an earlier leadership has no answer: its caller was
// told that the leadership is over, and has asked elsewhere.
func TestReadEndsWithTheLeadership(t *testing.T) {
	l := newFlowLeader(t, raft.Config{})
	l.acknowledge(1, 2, 3)
	x := l.ask("x")
	l.depose()
	l.confirm(2, x)
	l.confirm(3, x)
	require.Empty(t, l.answered())
	l.confirm(2, l.ask("y"))
	require.Equal(t, []string{"y"}, l.answered())

	term := l.Status().Term + 1
	require.NoError(t, l.Step(&pb.Message{MsgType: pb.MessageType_MsgHeartbeat, From: 3, To: 1, Term: term}))
	l.ReadIndex([]byte("z"))
	l.depose()
	l.confirm(2, l.ask("w"))
	require.Equal(t, []string{"y", "w"}, l.answered(), "a follower takes no read")
}

// A new leader does not know what is committed before it has committed an entry
// of its own term, but that entry is after all of it.
func TestReadOfNewLeaderWaitsForItsFirstEntry(t *testing.T) {
	l := newFlowLeader(t, raft.Config{})
	l.acknowledge(1, 2, 3)
	l.propose(2, 1)
	l.handle()
	// Entries 2 and 3 may be committed by now: node 2 has them.
	term := l.Status().Term + 1
	require.NoError(t, l.Step(&pb.Message{MsgType: pb.MessageType_MsgHeartbeat, From: 3, To: 1, Term: term}))
	l.handle()
	require.NoError(t, l.Campaign())
	l.handle()
	l.answer(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, From: 2})
	l.handle()
	require.Equal(t, uint64(1), l.Status().Commit)
	l.confirm(2, l.ask("x"))
	for _, s := range l.reads {
		require.GreaterOrEqual(t, s.Index, uint64(4), "its first entry is entry 4")
	}
	l.acknowledge(4, 2)
	require.Equal(t, []string{"x"}, l.answered())
}

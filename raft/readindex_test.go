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

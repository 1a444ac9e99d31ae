package raftstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// Reads that come one after the other while a leader waits for the answers to its question
// cost no messages: they share the next question.
func TestReadsShareTheNextQuestion(t *testing.T) {
	g := newGroup(t, 3, "", "")
	g.elect(1)
	g.do(1, "a put", set(engine.CFDefault, "k", "1")).isDone()
	asked := 0
	g.waits = func(m *raftserverpb.RaftMessage) bool {
		if m.Message.MsgType == eraftpb.MessageType_MsgHeartbeat {
			asked++
		}
		return false
	}
	var reads []*answer
	for range 10 {
		reads = append(reads, g.at(1).submit("a read"))
		g.at(1).work()
	}
	g.settle()
	for _, a := range reads {
		require.Equal(t, content{"default/k": "1"}, a.reads())
	}
	require.Equal(t, 4, asked, "heartbeats for ten reads: one round for the first, one for the others")

	// Those that wait when the leader is deposed are refused.
	g.isolate(1)
	reads = nil
	for range 3 {
		reads = append(reads, g.at(1).submit("a read"))
		g.at(1).work()
	}
	g.elect(2)
	g.reconnect()
	g.tick(2, 4)
	for _, a := range reads {
		require.NotNil(t, a.refusal().NotLeader)
	}
	g.close()
}

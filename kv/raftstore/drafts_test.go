package raftstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// draft returns what a draft of the store shows, and its term.
func (s *server) draft() (content, uint64) {
	s.t.Helper()
	view, ok := s.Draft(s.context())
	require.True(s.t, ok, "there is a draft")
	defer view.Close()
	return read(s.t, view), view.(interface{ Term() uint64 }).Term()
}

// A leader has a draft without asking the others. One that was deposed and does not know it
// has an old one, and a write in the term of that draft is refused, also after the store
// has become leader again.
func TestDraftOfDeposedLeader(t *testing.T) {
	g := newGroup(t, 3, "", "")
	g.elect(1)
	g.do(1, "a put", set(engine.CFDefault, "k", "old")).isDone()
	g.isolate(1)
	read := g.do(1, "a read")
	g.elect(2)
	g.do(2, "a put", set(engine.CFDefault, "k", "new")).isDone()

	found, term := g.at(1).draft()
	require.Empty(t, read.results, "answers to a read")
	require.Equal(t, content{"default/k": "old"}, found)
	rc := g.at(1).context()
	rc.Term = term
	write := func() *answer {
		a := &answer{t: t, request: "a put in the term of the draft"}
		g.at(1).ask(rc, []engine.Op{set(engine.CFDefault, "k", "of the draft")}, a.add)
		g.at(1).work()
		return a
	}
	early := write() // into the log of the deposed leader
	g.reconnect()
	g.tick(2, 4)
	require.NotNil(t, early.refusal())
	require.NotNil(t, write().refusal().NotLeader)
	g.elect(1)
	require.NotNil(t, write().refusal().StaleCommand)
	g.has(1, content{"default/k": "new"})
	g.close()
}

// A leader has no draft until it has applied an entry of its term: what earlier leaders have
// acknowledged may be in its log only.
func TestDraftsOfNewLeader(t *testing.T) {
	g := newGroup(t, 3, "", "")
	g.elect(1)
	g.do(1, "a put", set(engine.CFDefault, "k", "1")).isDone()
	// Only store 2 gets the next entry, and does not hear that it is committed.
	g.waits = func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId == 3 }
	put := g.at(1).submit("a put", set(engine.CFDefault, "k", "2"))
	for len(put.results) == 0 {
		g.at(1).work()
		m := g.next()
		require.NotNil(t, m)
		g.deliver(m)
		g.at(2).work()
	}
	put.isDone()
	g.isolate(1)
	// Store 3 votes, and then hears nothing of the new leader.
	g.waits = func(m *raftserverpb.RaftMessage) bool { return m.Message.MsgType == eraftpb.MessageType_MsgAppend }
	for range 100 {
		if g.tick(2, 1); g.leads(2) {
			break
		}
	}
	require.True(t, g.leads(2))
	g.settle()
	_, ok := g.at(2).Draft(g.at(2).context())
	require.False(t, ok, "there is a draft before an entry of the term is applied")

	g.waits = nil
	g.settle()
	found, _ := g.at(2).draft()
	require.Equal(t, content{"default/k": "2"}, found)
	g.isolate(2)
	found, _ = g.at(2).draft()
	require.Equal(t, content{"default/k": "2"}, found)
	g.close()
}

// What a Read refuses is no draft.
func TestDraftsAreRefused(t *testing.T) {
	g := newGroup(t, 3, "", "")
	g.elect(1)
	g.elect(2)
	g.elect(1)
	_, term := g.at(1).draft()
	for what, change := range map[string]func(*kvrpcpb.Context){
		"another store":   func(rc *kvrpcpb.Context) { rc.Peer = g.at(2).context().Peer },
		"another region":  func(rc *kvrpcpb.Context) { rc.RegionId = 7 },
		"an earlier term": func(rc *kvrpcpb.Context) { rc.Term = term - 1 },
		"another version": func(rc *kvrpcpb.Context) { rc.RegionEpoch = &metapb.RegionEpoch{Version: 7, ConfVer: 1} },
		"no epoch":        func(rc *kvrpcpb.Context) { rc.RegionEpoch = nil },
	} {
		rc := g.at(1).context()
		change(rc)
		_, ok := g.at(1).Draft(rc)
		require.False(t, ok, what)
	}
	_, ok := g.at(2).Draft(g.at(2).context())
	require.False(t, ok, "a store that has been deposed and knows it")
	g.close()
}

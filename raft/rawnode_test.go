package raft_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

func TestProposeReturnsThePlaceOfTheFirstEntry(t *testing.T) {
	l := newFlowLeader(t, raft.Config{})
	l.handle()
	index, term, err := l.Propose([]byte("a"), []byte("b"))
	require.NoError(t, err)
	require.Equal(t, []uint64{2, 1}, []uint64{index, term}, "after the leader's own entry")
	index, term, err = l.ProposeConfChange(&pb.ConfChange{NodeId: 4})
	require.Equal(t, raft.ErrConfChangePending, err, "nothing is applied yet")
	require.Zero(t, index+term)

	l.accept(3)
	l.handle()
	index, term, err = l.ProposeConfChange(&pb.ConfChange{NodeId: 4})
	require.NoError(t, err)
	require.Equal(t, []uint64{4, 1}, []uint64{index, term})
	index, _, err = l.Propose([]byte("c"), []byte("d"), []byte("e"))
	require.NoError(t, err)
	require.Equal(t, uint64(5), index)
	l.handle()

	saved, err := l.storage.Entries(2, 8, raft.NoLimit)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "change", "c", "d", "e"}, contents(saved))
}

func TestProposalsAreRefusedWithTheirReason(t *testing.T) {
	l := newFlowLeader(t, raft.Config{})
	l.handle()
	last, err := l.storage.LastIndex()
	require.NoError(t, err)
	refused := func(want error) {
		t.Helper()
		_, _, err := l.Propose([]byte("x"), []byte("y"))
		require.Equal(t, want, err)
		_, _, err = l.ProposeConfChange(&pb.ConfChange{NodeId: 4})
		require.Equal(t, want, err)
		l.handle()
		now, err := l.storage.LastIndex()
		require.NoError(t, err)
		require.Equal(t, last, now, "a refused proposal leaves nothing behind")
	}
	l.TransferLeader(2)
	refused(raft.ErrLeaderTransfer)
	require.NoError(t, l.Step(&pb.Message{MsgType: pb.MessageType_MsgHeartbeat, From: 3, To: 1, Term: 2}))
	refused(raft.ErrNotLeader)
}

// contents returns the data of entries, "change" for a membership change.
func contents(entries []*pb.Entry) []string {
	var all []string
	for _, e := range entries {
		if e.EntryType == pb.EntryType_EntryConfChange {
			all = append(all, "change")
			continue
		}
		all = append(all, string(e.Data))
	}
	return all
}

package raft_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// entriesOf returns entries of the given terms, from index first on.
func entriesOf(first uint64, terms ...uint64) []*pb.Entry {
	var entries []*pb.Entry
	for i, term := range terms {
		entries = append(entries, &pb.Entry{Index: first + uint64(i), Term: term, Data: make([]byte, 84)})
	}
	return entries
}

// newCompactedStorage returns a storage with a snapshot at (3, term 3) and the
// entries 4, 5 and 6 of terms 4, 5 and 5.
func newCompactedStorage(t *testing.T) *raft.MemoryStorage {
	s := raft.NewMemoryStorage(1)
	require.NoError(t, s.Append(entriesOf(1, 1, 2, 3, 4, 5, 5)))
	require.NoError(t, s.Compact(3, &pb.ConfState{Nodes: []uint64{1, 2}}, []byte("state")))
	return s
}

func TestMemoryStorageTerm(t *testing.T) {
	s := newCompactedStorage(t)
	for _, c := range []struct {
		index, term uint64
		err         error
	}{
		{2, 0, raft.ErrCompacted},
		{3, 3, nil}, // the snapshot's
		{4, 4, nil},
		{6, 5, nil},
		{7, 0, raft.ErrUnavailable},
	} {
		term, err := s.Term(c.index)
		require.Equal(t, c.err, err, "index %d", c.index)
		require.Equal(t, c.term, term, "index %d", c.index)
	}
}

func TestMemoryStorageEntries(t *testing.T) {
	s := newCompactedStorage(t)
	for _, c := range []struct {
		lo, hi, maxSize uint64
		want            []*pb.Entry
		err             error
	}{
		{3, 5, raft.NoLimit, nil, raft.ErrCompacted},
		{4, 8, raft.NoLimit, nil, raft.ErrUnavailable},
		{4, 7, raft.NoLimit, entriesOf(4, 4, 5, 5), nil},
		{5, 6, raft.NoLimit, entriesOf(5, 5), nil},
		{4, 7, 0, entriesOf(4, 4), nil},      // at least one
		{4, 7, 199, entriesOf(4, 4), nil},    // each counts for 100 bytes
		{4, 7, 200, entriesOf(4, 4, 5), nil}, //
	} {
		got, err := s.Entries(c.lo, c.hi, c.maxSize)
		require.Equal(t, c.err, err)
		require.Equal(t, c.want, got)
	}
}

func TestMemoryStorageAppend(t *testing.T) {
	for _, c := range []struct {
		name  string
		added []*pb.Entry
		want  []*pb.Entry // from index 4 on
	}{
		{"nothing", nil, entriesOf(4, 4, 5, 5)},
		{"behind", entriesOf(7, 6), entriesOf(4, 4, 5, 5, 6)},
		{"replacing the tail", entriesOf(5, 6), entriesOf(4, 4, 6)},
		{"replacing everything", entriesOf(4, 7, 7), entriesOf(4, 7, 7)},
		{"starting in the snapshot", entriesOf(2, 2, 3, 8), entriesOf(4, 8)},
		{"ending in the snapshot", entriesOf(1, 1, 2), entriesOf(4, 4, 5, 5)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newCompactedStorage(t)
			before, err := s.Entries(4, 7, raft.NoLimit)
			require.NoError(t, err)
			require.NoError(t, s.Append(c.added))
			last, err := s.LastIndex()
			require.NoError(t, err)
			got, err := s.Entries(4, last+1, raft.NoLimit)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, entriesOf(4, 4, 5, 5), before, "what was handed out does not change")
		})
	}
	require.ErrorContains(t, newCompactedStorage(t).Append(entriesOf(8, 6)), "entries start at 8, but the log ends at 6")
}

func TestMemoryStorageSnapshots(t *testing.T) {
	s := newCompactedStorage(t)
	snap, err := s.Snapshot()
	require.NoError(t, err)
	require.Equal(t, uint64(3), snap.Metadata.Index)
	require.Equal(t, []byte("state"), snap.Data)
	require.False(t, raft.IsEmptySnap(snap))
	require.True(t, raft.IsEmptySnap(nil))

	require.Equal(t, raft.ErrSnapOutOfDate, s.Compact(3, nil, nil))
	require.Equal(t, raft.ErrUnavailable, s.Compact(7, nil, nil))

	newer := &pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: 9, Term: 6, ConfState: &pb.ConfState{Nodes: []uint64{4}}}}
	require.NoError(t, s.ApplySnapshot(newer))
	require.Equal(t, raft.ErrSnapOutOfDate, s.ApplySnapshot(snap))
	first, err := s.FirstIndex()
	require.NoError(t, err)
	last, err := s.LastIndex()
	require.NoError(t, err)
	require.Equal(t, []uint64{10, 9}, []uint64{first, last}, "nothing but the snapshot")
	_, cs, err := s.InitialState()
	require.NoError(t, err)
	require.Equal(t, []uint64{4}, cs.Nodes)
}

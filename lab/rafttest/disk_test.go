package rafttest

import (
	"testing"

	"github.com/stretchr/testify/require"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

func termsOn(t *testing.T, d *Disk) []uint64 {
	first, err := d.FirstIndex()
	require.NoError(t, err)
	last, err := d.LastIndex()
	require.NoError(t, err)
	entries, err := d.Entries(first, last+1, raft.NoLimit)
	require.NoError(t, err)
	terms := []uint64{}
	for i, e := range entries {
		require.Equal(t, first+uint64(i), e.Index)
		terms = append(terms, e.Term)
	}
	return terms
}

func TestDiskLosesWhatIsNotSynced(t *testing.T) {
	d := NewDisk([]uint64{1, 2, 3}, 1, 1, 1)
	read, err := d.Entries(1, 4, raft.NoLimit)
	require.NoError(t, err)

	require.NoError(t, d.Save(raft.Ready{HardState: &pb.HardState{Term: 2, Vote: 2}, Entries: entriesFrom(2, 2, 2, 2)}))
	require.NoError(t, d.Save(raft.Ready{HardState: &pb.HardState{Term: 3, Vote: 3}, Entries: entriesFrom(4, 3)}))
	require.Equal(t, []uint64{1, 2, 2, 3}, termsOn(t, d))

	require.Equal(t, 1, d.CrashKeeping(1), "one write is lost")
	require.Equal(t, []uint64{1, 2, 2, 2}, termsOn(t, d))
	hard, _, _ := d.InitialState()
	require.Equal(t, uint64(2), hard.Vote)

	require.NoError(t, d.Save(raft.Ready{Entries: entriesFrom(1, 4)}))
	d.Crash()
	require.Equal(t, []uint64{1, 2, 2, 2}, termsOn(t, d), "the surviving write is synced, the other is not")
	require.Equal(t, []uint64{1, 1, 1}, []uint64{read[0].Term, read[1].Term, read[2].Term}, "what was read stays as it was")
}

func TestDiskRefusesWhatIsNoLog(t *testing.T) {
	d := NewDisk([]uint64{1}, 1, 1, 1)
	require.Error(t, d.Save(raft.Ready{Entries: entriesFrom(5, 1)}), "a gap")
	require.Error(t, d.Save(raft.Ready{Entries: []*pb.Entry{{Index: 4}, {Index: 6}}}), "a gap within")
	require.NoError(t, d.Compact(2, &pb.ConfState{}, nil))
	require.Error(t, d.Save(raft.Ready{Entries: entriesFrom(2, 2)}), "before the log")
	require.Error(t, d.Discard(3), "past the snapshot")
	require.Equal(t, []uint64{1}, termsOn(t, d))
}

func TestDiskSnapshots(t *testing.T) {
	d := NewDisk([]uint64{1}, 1, 2, 2, 3)
	d.SaveApplied(3, &pb.ConfState{Nodes: []uint64{1, 2}}, []byte("three"))
	d.Sync()
	require.NoError(t, d.TakeSnapshot(2, &pb.ConfState{Nodes: []uint64{1}}, []byte("two")))
	require.NoError(t, d.Discard(1))
	require.Equal(t, []uint64{2, 2, 3}, termsOn(t, d), "the log goes on after the snapshot's index")
	term, err := d.Term(1)
	require.NoError(t, err, "the term before the log is known")
	require.Equal(t, uint64(1), term)
	_, err = d.Entries(1, 3, raft.NoLimit)
	require.Equal(t, raft.ErrCompacted, err)

	s, err := d.Snapshot()
	require.NoError(t, err)
	require.Equal(t, "two", string(s.Data))
	d.FreshSnapshots()
	s, err = d.Snapshot()
	require.NoError(t, err)
	require.Equal(t, "three", string(s.Data))
	require.Equal(t, uint64(3), s.Metadata.Index)
	require.Equal(t, uint64(2), s.Metadata.Term)
	require.Equal(t, []uint64{1, 2}, s.Metadata.ConfState.Nodes)
	d.HoldSnapshot(true)
	_, err = d.Snapshot()
	require.Equal(t, raft.ErrSnapshotTemporarilyUnavailable, err)
	d.HoldSnapshot(false)

	d.ForgetApplied()
	applied, state := d.Applied()
	require.Equal(t, uint64(2), applied)
	require.Equal(t, "two", string(state))

	received := &pb.Snapshot{Data: []byte("nine"), Metadata: &pb.SnapshotMetadata{Index: 9, Term: 4, ConfState: &pb.ConfState{Nodes: []uint64{2}}}}
	require.NoError(t, d.Save(raft.Ready{Snapshot: received, Entries: entriesFrom(10, 5)}))
	require.Equal(t, []uint64{5}, termsOn(t, d))
	applied, _ = d.Applied()
	require.Equal(t, uint64(9), applied, "a snapshot brings the application's state with it")
	d.Crash()
	require.Equal(t, []uint64{2, 2, 3}, termsOn(t, d))
}

package rafttest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func TestLedgerKeepsCopies(t *testing.T) {
	var l ledger
	for _, e := range entriesFrom(1, 1, 1, 2) {
		l.append(e)
	}
	synced := l
	l.cut(3)
	for _, e := range entriesFrom(3, 3, 3) {
		l.append(e)
	}
	require.Equal(t, uint64(3), synced.last())
	require.Equal(t, uint64(2), synced.term(3), "the copy stays as it was")
	require.Equal(t, uint64(3), l.term(3))
	require.Equal(t, synced.chain(2), l.chain(2), "what is before is the same")
	require.NotEqual(t, synced.chain(3), l.chain(3))

	chain := l.chain(4)
	l.discard(3)
	require.Equal(t, chain, l.chain(4))
	require.Equal(t, uint64(3), l.term(3), "the last that is gone is known")
	_, ok := l.at(2)
	require.False(t, ok)
}

func TestChainDependsOnEverything(t *testing.T) {
	base := &pb.Entry{Index: 5, Term: 2, Data: []byte("abcdefgh1")}
	chains := []uint64{
		chainOf(1, base),
		chainOf(2, base),
		chainOf(1, &pb.Entry{Index: 6, Term: 2, Data: base.Data}),
		chainOf(1, &pb.Entry{Index: 5, Term: 3, Data: base.Data}),
		chainOf(1, &pb.Entry{Index: 5, Term: 2, Data: []byte("abcdefgh2")}),
		chainOf(1, &pb.Entry{Index: 5, Term: 2, Data: []byte("abcdefgh")}),
		chainOf(1, &pb.Entry{Index: 5, Term: 2, Data: []byte("abcdefgh1\x00")}),
		chainOf(1, &pb.Entry{Index: 5, Term: 2, Data: base.Data, EntryType: pb.EntryType_EntryConfChange}),
	}
	slices.Sort(chains)
	require.Len(t, slices.Compact(chains), 8)
}

func TestProposalID(t *testing.T) {
	for _, id := range []uint64{1, 9, 12345678901} {
		for _, size := range []int{0, 8, 200} {
			data := proposal(id, size)
			require.GreaterOrEqual(t, len(data), size)
			require.Equal(t, id, proposalID(data))
		}
	}
	require.Zero(t, proposalID(nil))
	require.Zero(t, proposalID([]byte("q7")))
}

// TestSchedulesOfOneSeedAreEqual sees that a schedule is made from its seed and
// nothing else, and that seeds differ.
func TestSchedulesOfOneSeedAreEqual(t *testing.T) {
	for _, s := range scheduledTests {
		a, b, other := s.schedules(3), s.schedules(3), s.schedules(4)
		require.Equal(t, a, b)
		require.NotEqual(t, a, other)
	}
}

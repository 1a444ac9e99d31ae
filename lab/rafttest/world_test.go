package rafttest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func TestAgendaIsInOrder(t *testing.T) {
	d := &drawer{dice: 1, q: askSetting}
	var a agenda
	var last event
	pending := 0
	for i := range 5000 {
		if pending > 0 && d.chance(0.48) {
			e := a.next()
			pending--
			// Nothing is added before what has been taken, so all in all the
			// events come out in order.
			require.False(t, e.before(&last), "event %d comes too late", i)
			last = e
			continue
		}
		at := last.at + d.duration(time.Millisecond, 9*time.Millisecond)
		a.add(event{at: at, kind: eventKind(d.below(5)), to: uint8(d.below(9)), from: uint8(d.below(9)), n: uint64(i)})
		pending++
	}
	require.Len(t, a.heap, pending)
}

func TestDiceDoNotDependOnEachOther(t *testing.T) {
	seen := map[uint64]bool{}
	for _, seed := range []dice{1, 2} {
		for q := askElectionTimeout; q <= askFault; q++ {
			for a := range uint64(5) {
				for b := range uint64(5) {
					for n := range uint64(20) {
						answer := seed.roll(q, a, b, n)
						require.False(t, seen[answer], "two questions have the same answer")
						require.Equal(t, answer, seed.roll(q, a, b, n))
						seen[answer] = true
					}
				}
			}
		}
	}
	hits := 0
	for n := range uint64(10000) {
		if dice(7).chance(0.2, askLoss, 1, 2, n) {
			hits++
		}
	}
	require.InDelta(t, 2000, hits, 150)
}

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

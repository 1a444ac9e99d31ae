package raft

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// A logModel is a log as it would be if memory were free and storage instant:
// one slice, and the marks on it.
type logModel struct {
	terms                             []uint64 // terms[i] is that of index i; 0 up to first-1
	first, stable, committed, applied uint64
}

func (m *logModel) last() uint64 { return uint64(len(m.terms)) - 1 }

// FuzzLog runs random operations on a Log over a MemoryStorage and on the model,
// and compares everything that can be read after each.
func FuzzLog(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		storage := NewMemoryStorage(1)
		l := newLog(storage)
		m := &logModel{terms: []uint64{0}, first: 1}
		term := uint64(1)

		// The Ready under way, if any: entries handed out and not yet stable.
		var saving []*pb.Entry

		for range 200 {
			switch rng.IntN(8) {
			case 0, 1: // append, at the end or over an uncommitted tail
				if rng.IntN(3) == 0 {
					term++
				}
				at := m.last() + 1
				if uncommitted := m.last() - m.committed; uncommitted > 0 && rng.IntN(3) == 0 {
					at -= rng.Uint64N(uncommitted) + 1
					term++ // whoever overwrites leads a later term
				}
				var entries []*pb.Entry
				for i := range uint64(rng.IntN(4) + 1) {
					entries = append(entries, &pb.Entry{Index: at + i, Term: term, Data: make([]byte, rng.IntN(50))})
				}
				l.append(entries...)
				m.terms = m.terms[:at]
				for range entries {
					m.terms = append(m.terms, term)
				}
				m.stable = min(m.stable, at-1)
			case 2: // commit
				to := m.committed + rng.Uint64N(m.last()-m.committed+3)
				l.commitTo(to)
				m.committed = max(m.committed, min(to, m.last()))
			case 3: // hand entries to the application
				saving = l.unstable()
			case 4: // the application has saved them
				if len(saving) == 0 {
					break
				}
				require.NoError(t, storage.Append(saving))
				end := saving[len(saving)-1]
				l.stableTo(end.Index, end.Term)
				if end.Index <= m.last() && m.terms[end.Index] == end.Term {
					m.stable = max(m.stable, end.Index)
				}
				saving = nil
			case 5: // apply; only what is in storage, so that it can be compacted
				if next := l.nextCommitted(100); len(next) > 0 && next[len(next)-1].Index <= m.stable {
					l.appliedTo(next[len(next)-1].Index)
					m.applied = next[len(next)-1].Index
				}
			case 6:
				l.forget(rng.Uint64N(m.last()+2), rng.Uint64N(500))
			case 7: // compact storage
				if m.applied >= m.first && saving == nil {
					index := m.first + rng.Uint64N(m.applied-m.first+1)
					require.NoError(t, storage.Compact(index, nil, nil))
					m.first = index + 1
				}
			}
			compareLog(t, l, m)
		}
	})
}

func compareLog(t *testing.T, l *Log, m *logModel) {
	t.Helper()
	require.Equal(t, []uint64{m.first, m.last(), m.stable, m.committed, m.applied},
		[]uint64{l.FirstIndex(), l.LastIndex(), l.stable, l.committed, l.applied}, "first, last, stable, committed, applied")
	require.Equal(t, sizeOf(l.entries), l.bytes)
	require.Len(t, l.unstable(), int(m.last()-m.stable))
	for i := m.first - 1; i <= m.last(); i++ {
		term, err := l.Term(i)
		if err != nil || term != m.terms[i] {
			t.Fatalf("term of %d is %d (%v), want %d", i, term, err, m.terms[i])
		}
	}
	_, err := l.Term(m.last() + 1)
	require.Equal(t, ErrUnavailable, err)
	for next := m.first; next <= m.last(); {
		entries, err := l.Entries(next, m.last()+1, 60)
		if err != nil || len(entries) == 0 {
			t.Fatalf("no entries from %d on: %v", next, err)
		}
		for _, e := range entries {
			if e.Index != next || e.Term != m.terms[next] {
				t.Fatalf("entry %d of term %d, want %d of %d", e.Index, e.Term, next, m.terms[next])
			}
			next++
		}
	}
	if m.first > 1 && m.first-1 < l.offset {
		_, err := l.Entries(m.first-1, m.first, NoLimit)
		require.Equal(t, ErrCompacted, err)
	}
}

func TestInflightIsAQueue(t *testing.T) {
	var f inflight
	for i := uint64(1); i <= 5; i++ {
		f.add(i * 10)
	}
	f.answered(25)
	require.Equal(t, 3, f.len())
	f.freeOne()
	require.Equal(t, 2, f.len())
	for i := uint64(6); i <= 100; i++ {
		f.add(i * 10)
		f.answered(i*10 - 20)
		require.Equal(t, 2, f.len())
	}
	require.LessOrEqual(t, cap(f.last), 8, "the room of answered messages is used again")
	f.answered(1000)
	require.Zero(t, f.len())
	f.freeOne() // of none
	require.Zero(t, f.len())
}

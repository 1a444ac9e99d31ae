package raftstore_test

import (
	"fmt"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// A history holds what the leaders of a region have written, all of it
// committed.
type history struct {
	t   *graded.T
	rng *rand.Rand

	// entries are the log, by index, and last is the index of its last
	// entry.
	entries map[uint64]*eraftpb.Entry
	last    uint64
	// states are the data after each index at which they are known.
	states map[uint64]content
}

func newHistory(t *graded.T, seed uint64) history {
	return history{t: t, rng: rand.New(rand.NewPCG(seed, 2)), states: map[uint64]content{0: {}}}
}

// writes gives the leader n random writes, one after the other, and notes its
// data after each.
func (h *history) writes(leader *member, n int) {
	for range n {
		key := fmt.Appendf(nil, "%02d", h.rng.IntN(30))
		w := engine.Op{CF: engine.Families[h.rng.IntN(len(engine.Families))], Key: key}
		if w.Delete = h.rng.IntN(3) == 0; !w.Delete {
			w.Value = fmt.Appendf(nil, "%-100d", h.rng.IntN(1000))
		}
		a := leader.submit("a write to a leader that has a majority,", w)
		leader.work()
		a.isDone()
		h.note(leader)
	}
}

// note notes the present data of a leader.
func (h *history) note(leader *member) { h.states[leader.status().Applied] = leader.content() }

// end takes over the log of the leader, and closes it.
func (h *history) end(leader *member) {
	s := leader.status()
	if s.Applied != s.LastIndex {
		h.t.Fatalf("the leader has entries up to %d on a majority, but has applied only up to %d", s.LastIndex, s.Applied)
	}
	h.entries, h.last = leader.entries, s.LastIndex
	leader.Close()
}

// entriesOf returns the entries [first, last].
func entriesOf(entries map[uint64]*eraftpb.Entry, first, last uint64) []*eraftpb.Entry {
	var all []*eraftpb.Entry
	for i := first; i <= last; i++ {
		all = append(all, proto.CloneOf(entries[i]))
	}
	return all
}

// data requires that a store has the data of the index that it says it has
// applied.
func (h *history) data(m *member, when string) {
	s := m.status()
	want := h.states[s.Applied]
	if want == nil || s.Installing {
		return
	}
	if different := want.differs(m.content()); different != "" {
		h.t.Fatalf("%s the store says that it has applied up to index %d, but its data are not the data of that index: there is %s", when, s.Applied, different)
	}
}

// complete requires that a store has applied the whole log, and that its raft
// engine holds hardly more than the log that it reports.
func (h *history) complete(m *member) {
	s := m.status()
	_, bytes := m.logRecords()
	switch n := s.LastIndex + 1 - s.FirstIndex; {
	case s.Applied != h.last:
		h.t.Fatalf("the store has every entry up to %d, and they are committed, but it has applied only up to %d", h.last, s.Applied)
	case s.LastIndex != h.last:
		h.t.Fatalf("the log of the leader ends at %d, but the log of the store, which has caught up, ends at %d", h.last, s.LastIndex)
	case bytes > 3000+200*n:
		h.t.Fatalf("the log of region %d has %d entries, from %d to %d, but the raft engine holds %d bytes: %s",
			m.region.Id, n, s.FirstIndex, s.LastIndex, bytes, m.logContent())
	}
	h.data(m, "having caught up,")
}

package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// passes lets time pass for a follower that gets heartbeats from store 2, the
// leader of a term.
func (m *member) passes(term uint64, ticks int) {
	for range ticks {
		if m.life.over {
			return
		}
		m.tick()
		m.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeat, From: 2, Term: term})
	}
}

// compacts lets time pass, in term 1, until the log begins after index, and hardly
// more of it is on the disk.
func (m *member) compacts(index uint64) {
	m.t.Helper()
	const others = 10 // records that are not entries
	for ticks := 0; ; ticks++ {
		s := m.status()
		records, _ := m.logRecords()
		compact, gone := s.FirstIndex > index, uint64(records) <= s.LastIndex+1-s.FirstIndex+others
		switch {
		case compact && gone:
			return
		case ticks == 100 && !compact:
			m.t.Fatalf("with at most %d applied entries kept, the log still begins at %d after %d ticks, although everything up to %d is applied",
				m.maxLog, s.FirstIndex, ticks, s.Applied)
		case ticks == 100:
			m.t.Fatalf("%d ticks after the log was compacted it has entries %d to %d, but the raft engine holds %d records: %s", ticks, s.FirstIndex, s.LastIndex, records, m.logContent())
		}
		m.passes(1, 1)
	}
}

// endsAt requires that the log of the store, whose term is before, ends with
// entry index of term 1.
func (m *member) endsAt(before, index uint64) {
	m.t.Helper()
	if m.vote(2, before+1, index-1, 1) {
		m.t.Fatalf("the store votes for a log that ends with %d/1, but its own ends with %d/1", index-1, index)
	}
	if !m.vote(3, before+2, index, 1) {
		m.t.Fatalf("the store refuses its vote to a log that ends with %d/1, as its own does", index)
	}
}

// TestLongHistoryIsCompacted2C gives a store more entries than an engine
// deletes in one batch, in several steps, and the store compacts its log after
// each. The work of a compaction must not grow with what has left the log
// before.
func TestLongHistoryIsCompacted2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a log is compacted again and again, however many entries have left it before",
		Source: "Raft §7; engine.MaxBatchLen",
	}, func(t *graded.T) {
		f := newMember(t, 1, 1000)
		last := uint64(0)
		for last <= engine.MaxBatchLen {
			before := last
			last = f.appendLong(2, 1, last, min(last, 1), 20000, true)
			f.compacts(before + 20000)
		}
		f.powerCut()
		f.compacts(last - 1000)
		f.endsAt(1, last)
		f.Close()
	})
}

// TestManyEntriesAreCompactedAtOnce2C makes a store compact more entries than
// an engine deletes in one batch. The power fails after some of the writes that
// this takes. Each time the log is the old one or the new one, as a whole, and
// in the end it is short.
func TestManyEntriesAreCompactedAtOnce2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a log is compacted whatever its length, and a crash in between leaves the old log or the new one",
		Source: "Raft §7; engine.MaxBatchLen",
	}, func(t *graded.T) {
		f := newMember(t, 1, 140000)
		last := f.appendLong(2, 1, 0, 0, 150000, true)
		for _, at := range []int{1, 2, 3, 50} {
			cut := &powerCut{at: at, point: memory.CrashAfter, log: memory.All, data: memory.All}
			f.cutAt(cut)
			f.passes(1, 4)
			f.cutAt(nil)
			explaining(t, cut.String, func() {
				f.restart()
				s := f.status()
				if n, _ := f.logRecords(); uint64(n) < s.LastIndex+1-s.FirstIndex {
					t.Fatalf("after the restart the log has entries %d to %d, but the raft engine holds only %d records", s.FirstIndex, s.LastIndex, n)
				}
			})
		}
		f.compacts(last - 140000)
		f.endsAt(1, last)
		f.Close()
	})
}

// TestFullDiskKeepsLog2C lets a store compact its log while the disk of its
// data is full: entries are committed, and cannot be applied. Then the power
// fails, and only the raft engine keeps what was not synced. An entry that is
// not applied must still be in the log, so that the store applies it once there
// is room.
func TestFullDiskKeepsLog2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an entry that could not be applied, because the disk was full, stays in the log",
		Source: "doc.go: What is durable when, 3",
	}, func(t *graded.T) {
		f := newMember(t, 1, 5)
		var log []*eraftpb.Entry
		want := content{}
		for i := uint64(1); i <= 40; i++ {
			key := fmt.Sprintf("k%02d", i)
			log = append(log, &eraftpb.Entry{Index: i, Term: 1, Data: command(t, f.region.RegionEpoch, set(engine.CFDefault, key, "1"))})
			want["default/"+key] = "1"
		}
		f.append(2, 1, 0, 0, log, 10)
		f.whileFull(f.data, func() {
			f.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeat, From: 2, Term: 1, Commit: 40})
			for range 6 {
				f.tick()
			}
		})
		f.lose(&powerCut{log: memory.All}, nil)
		f.restart()
		f.append(2, 1, 40, 1, nil, 40)
		if applied := f.status().Applied; applied != 40 {
			t.Fatalf("the disk of the data was full, and has room again. Everything up to 40 is committed, but applied only up to %d", applied)
		}
		if different := want.differs(f.content()); different != "" {
			t.Fatalf("the disk of the data was full, and has room again. Everything is applied, and there is %s", different)
		}
		f.Close()
	})
}

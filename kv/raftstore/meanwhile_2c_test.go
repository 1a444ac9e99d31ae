package raftstore_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// late lets a store begin to compact its log, and keeps back the result until
// finish is called. Further calls do nothing.
func (c *compaction) late(f *member) (finish func()) {
	f.hold = true
	f.passes(c.term, 2)
	f.hold = false
	return sync.OnceFunc(f.begin())
}

// TestLogChangesDuringCompaction2C lets entries come, and a vote be given, while
// a store syncs its data to compact its log. All of it is still there once the
// log is compacted, also after a restart.
func TestLogChangesDuringCompaction2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "what is appended and voted while a log is being compacted stays",
		Source: "doc.go: Slow work; Raft §5.4",
	}, 3, func(t *graded.T, seed uint64) uint64 {
		c := newCompaction(t, seed)
		f := c.follower()
		finish := c.late(f)
		f.append(2, c.term, c.last, c.entries[c.last].Term, emptyEntries(c.term, c.last+1, c.last+3), c.last)
		if !f.vote(3, c.term+1, c.last+3, c.term) {
			t.Fatal("the store refuses its vote to a log that ends as its own does")
		}
		finish()
		f.work()
		for range 4 {
			f.tick()
		}
		if f.status().FirstIndex == 1 {
			t.Fatal("entries came while the log was being compacted. Four ticks later the log is still not compacted")
		}
		for _, when := range []string{"once its log is compacted", "after a power cut"} {
			switch s := f.status(); {
			case s.Term != c.term+1 || s.Vote != 3:
				t.Fatalf("while it compacted its log the store has voted for store 3 in term %d; %s it is in term %d, with a vote for %d", c.term+1, when, s.Term, s.Vote)
			case s.LastIndex != c.last+3:
				t.Fatalf("while it compacted its log the store has acknowledged entries up to %d; %s its log ends at %d", c.last+3, when, s.LastIndex)
			}
			f.powerCut()
		}
		f.Close()
		return 0
	})
}

// TestSnapshotOvertakesCompaction2C lets a snapshot replace the log while a
// store syncs its data to compact that log. The result comes when there is
// nothing left to drop.
func TestSnapshotOvertakesCompaction2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a compaction whose log a snapshot has replaced meanwhile changes nothing",
		Source: "doc.go: Slow work",
	}, 4, func(t *graded.T, seed uint64) uint64 {
		x := newTransfer(t, seed)
		x.maxLog, x.hold = 5, true
		r, _ := x.receiver()
		r.hold = false
		finish := r.begin()
		x.deliver(r)
		x.mustAcknowledge(r)
		finish()
		r.work()
		x.data(r, "with the snapshot")
		x.catchUp(r, true, true)
		x.conclude(r)
		r.powerCut()
		x.catchUp(r, true, true)
		x.conclude(r)
		r.Close()
		return 0
	})
}

// TestFullDiskDuringCompaction2C lets the disk of the log fill up in the middle
// of a compaction. New entries, if any come, cannot be written: neither can the
// new beginning of the log, or that just fits, or there is room again in time
// for both. Later there is room for everything.
func TestFullDiskDuringCompaction2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "the log that a store reports is the log on its disk, also when the disk was full in the middle of a compaction",
		Source: "peerStorage, in peerstorage.go; doc.go: What is durable when, 3",
	}, 6, func(t *graded.T, seed uint64) uint64 {
		c := newCompaction(t, seed)
		f := c.follower()
		finish := c.late(f)
		more := appendOf(2, c.term, c.last, c.entries[c.last].Term, &eraftpb.Entry{
			Index: c.last + 1, Term: c.term, Data: command(t, f.region.RegionEpoch, set(engine.CFDefault, "large", strings.Repeat("x", 2000))),
		})
		f.whileFull(f.log, func() {
			if seed%2 == 0 {
				f.receive(more)
			}
			switch seed % 3 {
			case 1:
				f.log.SetCapacity(f.log.Used() + 100)
				finish()
				f.passes(c.term, 4)
			case 2:
				finish()
				f.passes(c.term, 4)
			}
		})
		finish() // to the pass of the next tick
		f.passes(c.term, 4)
		f.receive(more)
		first := f.status().FirstIndex
		if first == 1 {
			t.Fatal("the disk of the log was full while the log was to be compacted. There is room again, but 4 ticks later the log is still not compacted")
		}
		f.lose(&powerCut{log: memory.All, data: memory.All, files: true}, nil)
		f.restart()
		switch s := f.status(); {
		case s.FirstIndex < first:
			t.Fatalf("the log began at %d. After a restart that has lost nothing it begins at %d", first, s.FirstIndex)
		case s.LastIndex != c.last+1:
			t.Fatalf("the disk of the log was full, and has room again. The store has acknowledged entries up to %d, but after a restart its log ends at %d", c.last+1, s.LastIndex)
		}
		c.data(f, "after a restart")
		f.lead(c.term + 1)
		f.Close()
		return 0
	})
}

// TestCompactionOvertakesSnapshot2C compacts the log of a leader while that
// makes a snapshot. When the snapshot is made, the log may begin after it.
func TestCompactionOvertakesSnapshot2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a snapshot is sent only if the log continues it when it is sent",
		Source: "the contract of Storage; Raft §7",
	}, 3, func(t *graded.T, seed uint64) uint64 {
		h := newHistory(t, seed)
		leader := newMember(t, 2, 5)
		leader.follower = 3
		leader.lead(1)
		h.writes(leader, 60)
		leader.compact(1)
		for range 5 {
			leader.tick() // until that compaction is over
		}
		leader.hold = true
		leader.refuses(1, 0, 5)
		leader.hold = false
		finish := leader.begin()
		for range 40 {
			h.writes(leader, 2)
			leader.tick()
		}
		finish()
		leader.work()
		sent := leader.snapshotFor(1, 0, func() {})
		leader.ReportSnapshot(1, 1, true)
		leader.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgAppendResponse, From: 1, Term: 1, Index: sent.Snapshot.Metadata.Index})
		leader.Close()
		return 0
	})
}

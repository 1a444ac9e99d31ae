package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// TestLongTailIsReplaced2B gives a follower more entries of term 1 than an
// engine deletes in one batch, and then a leader of term 2 replaces all but the
// first of them by a single one. The follower must go on, and acknowledge that
// one. The power may fail after its first write: then its log is the old one or
// the new one, as a whole.
func TestLongTailIsReplaced2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a conflicting tail is replaced whatever its length, and a crash in between leaves the old log or the new one",
		Source: "Raft §5.3; engine.MaxBatchLen",
	}, func(t *graded.T) {
		replacing := appendOf(3, 2, 1, 1, emptyEntries(2, 2, 2)...)

		f := newMember(t, 1, unlimited)
		last := f.appendLong(2, 1, 0, 0, engine.MaxBatchLen, false)
		if f.ask(replacing, eraftpb.MessageType_MsgAppendResponse).Reject {
			t.Fatalf("an append of entry 2/2, which fits after 1/1, was rejected")
		}
		f.powerCut()
		if f.vote(2, 3, last, 1) {
			t.Fatalf("after a restart it votes for a log that ends with %d/1, but its own ends with 2/2", last)
		}
		if !f.vote(3, 4, 2, 2) {
			t.Fatalf("after a restart it refuses its vote to a log that ends with 2/2, as its own does")
		}
		f.appendAll(3, 4, 2, 2, 4)
		f.Close()

		f = newMember(t, 1, unlimited)
		last = f.appendLong(2, 1, 0, 0, engine.MaxBatchLen, false)
		cut := &powerCut{at: 1, point: memory.CrashAfter, log: memory.All, data: memory.All}
		f.cutAt(cut)
		f.receive(replacing)
		explaining(t, cut.String, func() {
			f.restart()
			f.cutAt(nil)
			if end := f.status().LastIndex; end != 2 && end != last {
				t.Fatalf("entries 2/1 to %d/1 were being replaced by 2/2 when the power failed. After the restart the log ends at %d", last, end)
			}
			f.sends(3, 1)
			f.appendAll(3, 4, 1, 1, 3)
		})
		f.Close()
	})
}

// TestManyOperationsAtOnce2B commits entries at once that together have more
// operations than a batch of the kv engine may have, as happens after a
// restart, or on a store that was away. All of them must be applied. The power
// may fail after any of the writes that this takes: then the store has the data
// of the applied index.
func TestManyOperationsAtOnce2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "committed entries are applied however many operations they have together, and the applied index always fits the data",
		Source: "doc.go: What is durable when, 2; engine.MaxBatchLen",
	}, func(t *graded.T) {
		const operations = 60000 // of one entry
		f := newMember(t, 1, unlimited)
		last, states := uint64(0), []content{{}}
		for last*operations <= engine.MaxBatchLen {
			last++
			value := fmt.Sprint(last)
			ops := []engine.Op{set(engine.CFDefault, "first", value)}
			for i := range operations {
				ops = append(ops, remove(engine.CFLock, string([]byte{'k', byte(i >> 8), byte(i)})))
			}
			ops = append(ops, set(engine.CFDefault, "last", value))
			e := &eraftpb.Entry{Term: 1, Index: last, Data: command(t, f.region.RegionEpoch, ops...)}
			f.append(2, 1, last-1, min(last-1, 1), []*eraftpb.Entry{e}, 0)
			states = append(states, content{"default/first": value, "default/last": value})
		}
		commit := appendOf(2, 1, last, 1)
		commit.Commit = last

		check := func(want uint64) {
			t.Helper()
			applied := f.status().Applied
			if applied < want {
				t.Fatalf("entries up to %d, each with %d operations, were committed at once, but only entries up to %d are applied", last, operations, applied)
			}
			if different := states[applied].differs(f.content()); different != "" {
				t.Fatalf("the store has applied up to %d, but its data are not the data of that index: there is %s", applied, different)
			}
		}
		f.cutAt(nil)
		f.receive(commit)
		check(last)
		writes := f.writes
		for at := 1; at <= writes; at++ {
			f.powerCut() // loses what was not synced, so all must be applied again
			cut := &powerCut{at: at, point: memory.CrashAfter, log: memory.All, data: memory.All}
			f.cutAt(cut)
			f.receive(commit)
			explaining(t, cut.String, func() {
				f.restart()
				f.cutAt(nil)
				check(0)
				f.receive(commit)
				check(last)
			})
		}
		f.Close()
	})
}

// TestFullDiskIsTriedAgain2B gives a follower five entries of term 1, and then
// a leader of term 2 replaces the last four by a single one while the disk of
// the log is full. Until there is room the follower promises nothing. Then it
// does everything that it could not do before, and the old entries are gone
// from the disk.
func TestFullDiskIsTriedAgain2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what a full disk has refused is done as a whole once there is room, and promised only then",
		Source: "doc.go: What is durable when, 1; the contract of peerStorage",
	}, func(t *graded.T) {
		f := newMember(t, 1, unlimited)
		f.appendAll(2, 1, 0, 0, 1)
		f.appendAll(3, 2, 1, 1, 2)
		want, _ := f.logRecords()
		f.Close()

		f = newMember(t, 1, unlimited)
		f.appendAll(2, 1, 0, 0, 5)
		f.whileFull(f.log, func() {
			f.receive(appendOf(3, 2, 1, 1, emptyEntries(2, 2, 2)...))
			f.tick()
			if len(f.sent) > 0 {
				t.Fatalf("the disk of the log is full, so the store cannot save that it is in term 2, but it sends a %v of term %d", f.sent[0].MsgType, f.sent[0].Term)
			}
		})
		f.tick()
		if a := f.lastTo(3, eraftpb.MessageType_MsgAppendResponse); a == nil || a.Reject || a.Index != 2 {
			t.Fatalf("the disk of the log was full, and has room again. An append of 2/2, which came meanwhile and fits, is answered with %v", a)
		}
		if n, _ := f.logRecords(); n != want {
			t.Fatalf("entries 2/1 to 5/1 were replaced by 2/2 after the disk had been full. The raft engine has %d records then, and %d if the old ones were never there. It holds %s", n, want, f.inRaftEngine())
		}
		f.powerCut()
		if f.vote(2, 3, 5, 1) {
			t.Fatalf("after the restart it votes for a log that ends with 5/1, but its own ends with 2/2")
		}
		f.Close()
	})
}

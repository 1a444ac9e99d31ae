package raftstore_test

import (
	"testing"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// TestSlowWorkWaitsForTheExecutor2C keeps the executor from beginning anything,
// for a long time, while a store has to compact its log, to make a snapshot,
// to look at a snapshot that did not arrive, and to install one. Its passes
// must go on without that work, and the store must not ask for more and more of
// it. Once the executor begins, everything is done.
func TestSlowWorkWaitsForTheExecutor2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "slow work is done by the executor, not in a pass, and is asked for once",
		Source: "doc.go: Slow work",
	}, func(t *graded.T) {
		c := newCompaction(t, 1)
		f := c.follower()
		f.whileHeld("a log is to be compacted", func() { f.passes(c.term, 100) })
		// The sync comes first, then the entries go.
		for range 3 {
			f.begin()()
			f.work()
			f.whileHeld("a log is being compacted", func() { f.passes(c.term, 20) })
		}
		c.wait(f)
		if first := f.status().FirstIndex; first == 1 {
			t.Fatal("the executor has done everything that it was given, but the log is not compacted")
		}
		c.check(f, "when the log is compacted,")
		f.Close()
	})
}

// TestSnapshotIsMadeByTheExecutor2C is the same for a leader that has to make a
// snapshot.
func TestSnapshotIsMadeByTheExecutor2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a snapshot is made by the executor, not in a pass, and once as long as it is of use",
		Source: "doc.go: Slow work; Snapshot, in snapshots.go",
	}, func(t *graded.T) {
		h := newHistory(t, 1)
		leader := newMember(t, 2, 5)
		leader.follower = 3
		leader.lead(1)
		h.writes(leader, 60)
		leader.compact(1)
		leader.whileHeld("a snapshot is to be made", func() {
			for range 100 {
				leader.tick()
				leader.refuses(1, 0, 1)
			}
		})
		sent := leader.snapshotFor(1, 0, func() {})
		steps := leader.kvTally.steps
		leader.whileHeld("a snapshot was sent 50 times and did not arrive", func() {
			for range 50 {
				leader.ReportSnapshot(1, 1, false)
				leader.refuses(1, 0, 2)
			}
		})
		leader.ReportSnapshot(1, 1, false)
		leader.work()
		again := leader.snapshotFor(1, 0, func() {})
		if steps = leader.kvTally.steps - steps; steps > len(leader.content())/2 {
			t.Fatalf("the snapshot at index %d did not arrive. Its file is whole, and the log continues it, but the store reads %d records of the kv engine to make another one, at index %d",
				sent.Snapshot.Metadata.Index, steps, again.Snapshot.Metadata.Index)
		}
		leader.Close()
	})
}

// TestSnapshotIsInstalledByTheExecutor2C is the same for a store that gets a
// snapshot, whatever it has.
func TestSnapshotIsInstalledByTheExecutor2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a snapshot is installed by the executor, not in a pass, and acknowledged after that",
		Source: "doc.go: Slow work",
	}, 4, func(t *graded.T, seed uint64) uint64 {
		x := newTransfer(t, seed)
		r, _ := x.receiver()
		r.whileHeld("a snapshot is to be installed", func() {
			for range 20 {
				x.deliver(r)
				if x.acknowledged(r) {
					t.Fatal("the store acknowledges a snapshot that the executor has not begun to install")
				}
				for range 5 {
					r.tick()
				}
				r.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeat, From: 2, Term: term})
			}
		})
		r.work()
		x.catchUp(r, true, true)
		x.conclude(r)
		r.Close()
		return 0
	})
}

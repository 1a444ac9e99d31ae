package raftstore_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/graded"
)

// TestSnapshotReplacesEverything2C delivers a snapshot to a store that is new,
// or has been away, or has led meanwhile, alone or not. After that the store
// has the leader's log and data, of all families, and nothing else, also after
// a power cut. Every write that still waited there is answered.
func TestSnapshotReplacesEverything2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a snapshot replaces the data and the log, whatever was there before",
		Source: "Raft §7; doc.go: What is durable when, 4",
	}, 20, func(t *graded.T, seed uint64) uint64 {
		x := newTransfer(t, seed)
		explaining(t, x.String, x.replaceEverything)
		return 0
	})
}

// replaceEverything is TestSnapshotReplacesEverything2C with one background.
func (x *transfer) replaceEverything() {
	r, waiting := x.receiver()
	x.deliver(r)
	x.mustAcknowledge(r)
	x.data(r, "with the snapshot")
	x.catchUp(r, true, true)
	x.conclude(r)
	for _, a := range waiting {
		x.checkAnswer(a)
	}
	x.deliver(r) // once more, as the network may
	x.conclude(r)
	r.powerCut()
	x.data(r, "after a power cut")
	x.catchUp(r, true, true)
	x.conclude(r)
	end := x.entries[x.last]
	if r.vote(3, term+1, x.last+500, end.Term-1) {
		x.t.Fatalf("the store votes for a log that ends with an entry of term %d, but its own has one of term %d", end.Term-1, end.Term)
	}
	if !r.vote(3, term+2, x.last, end.Term) {
		x.t.Fatalf("the store refuses its vote to a log that ends as its own does, with entry %d of term %d", x.last, end.Term)
	}
	r.Close()
}

// checkAnswer checks the answer to a write that waited at store 1 when the
// snapshot replaced the log at its index.
func (x *transfer) checkAnswer(a *answer) {
	var refusal *region.Error
	switch err := a.result().err; {
	case x.before == wasFollowed && errors.As(err, &refusal):
		x.t.Fatalf("%s is refused, but it was committed, and is in the snapshot: %v", a.request, err)
	case x.before == hasLed && err == nil:
		x.t.Fatalf("%s is answered as done, but another leader's entry has taken its place", a.request)
	}
}

// TestCorruptSnapshotIsRefused2C delivers a snapshot whose file has a wrong
// bit, or lacks its end. The store may stop, because its disk has failed, but
// it must neither acknowledge the snapshot nor delete anything for it. It
// installs the next one, whose file is whole.
func TestCorruptSnapshotIsRefused2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a store deletes nothing for a snapshot file that is not whole",
		Source: "doc.go: What is durable when, 4",
	}, 20, func(t *graded.T, seed uint64) uint64 {
		x := newTransfer(t, seed)
		whole := x.file
		r, _ := x.receiver()
		before, applied := r.content(), r.status().Applied
		x.file = slices.Clone(whole)
		if at := x.rng.IntN(len(whole)); seed%2 == 0 {
			x.file[at] ^= 1 << x.rng.IntN(8)
		} else {
			x.file = x.file[:at]
		}
		r.mayGiveUp = true
		x.deliver(r)
		if x.acknowledged(r) {
			t.Fatal("the store acknowledges a snapshot whose file is corrupt")
		}
		r.mayGiveUp = false
		r.restart()
		if now := r.status().Applied; now == applied {
			if different := before.differs(r.content()); different != "" {
				t.Fatalf("the store got a snapshot whose file is corrupt. After a restart its data are not the old ones: there is %s", different)
			}
		}
		x.data(r, "after a restart")
		x.file = whole
		x.catchUp(r, true, false)
		x.conclude(r)
		r.Close()
		return 0
	})
}

// TestCrashAtEveryWriteOfSnapshot2C delivers a snapshot again and again, and
// cuts the power once at each write that the store does to its engines and
// files until it has installed the snapshot: before the write, in its middle,
// and right after it. Of what was not synced each engine keeps all, nothing, or
// a part, independently of the other one. The store must never take half a
// snapshot for data. It keeps the promises that it made before, and in the end
// it has everything.
func TestCrashAtEveryWriteOfSnapshot2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a crash at any write while a snapshot is installed leaves the old data or, after a restart, the new",
		Source: "doc.go: What is durable when, 4",
	}, 8, func(t *graded.T, seed uint64) uint64 {
		x := newTransfer(t, seed)
		r, _ := x.receiver()
		r.cutAt(nil)
		x.deliver(r)
		writes := r.writes
		r.Close()
		x.cutWhileWaiting()
		for at := 1; at <= writes; at++ {
			for _, point := range []memory.FaultKind{memory.CrashBefore, memory.CrashUnacknowledged, memory.CrashAfter} {
				files := x.rng.IntN(2) == 0
				for _, log := range []int{0, memory.All} {
					for _, data := range []int{0, memory.All} {
						x.cut(&powerCut{at: at, point: point, log: log, data: data, files: files}, nil)
					}
				}
				again := &powerCut{at: 1 + x.rng.IntN(8), point: point, log: x.rng.IntN(3), data: x.rng.IntN(6), files: !files}
				x.cut(&powerCut{at: at, point: point, log: x.rng.IntN(3), data: x.rng.IntN(6), files: !files}, again)
			}
		}
		return 0
	})
}

// cut delivers the snapshot, cuts the power at one write, and perhaps once more
// while the store starts again.
func (x *transfer) cut(first, second *powerCut) {
	schedule := func() string {
		text := x.String() + "\n" + first.String()
		if second != nil && second.of != "" {
			text += "\nwhile it starts again: " + second.String()
		}
		return text
	}
	r, _ := x.receiver()
	r.cutAt(first)
	x.deliver(r)
	promised := x.acknowledged(r)
	r.cutAt(second)
	explaining(x.t, schedule, func() {
		r.restart()
		r.cutAt(nil)
		x.afterCut(r, promised)
	})
}

// cutWhileWaiting cuts the power when the store has received the snapshot, and
// none of its work in the background has begun.
func (x *transfer) cutWhileWaiting() {
	r, _ := x.receiver()
	r.hold = true
	x.deliver(r)
	promised := x.acknowledged(r)
	r.hold = false
	if promised {
		x.t.Fatal("the store acknowledges a snapshot that the executor has not begun to install: a pass has installed it, or it is not durable")
	}
	explaining(x.t, func() string {
		return x.String() + "\npower cut when the store has received the snapshot, before any work in the background; what was not synced is lost"
	}, func() {
		r.powerCut()
		x.afterCut(r, promised)
	})
}

// afterCut checks a store that has come back: its data, its promises, and that
// it catches up.
func (x *transfer) afterCut(r *member, promised bool) {
	x.data(r, "after the restart")
	if index := x.snapshot.Snapshot.Metadata.Index; promised && r.status().Applied < index {
		x.t.Fatalf("the store has acknowledged the snapshot at %d, but after the restart it has applied only up to %d", index, r.status().Applied)
	}
	if now := r.status().Term; now < term {
		x.t.Fatalf("the store has answered in term %d, but after the restart its term is %d", term, now)
	}
	if x.voted && r.vote(3, term, x.last+1, term) {
		x.t.Fatalf("after the restart the store votes for store 3 in term %d, in which it has voted for store 2", term)
	}
	x.catchUp(r, x.rng.IntN(2) == 0, promised)
	x.conclude(r)
	r.powerCut()
	x.data(r, "after another power cut")
	r.Close()
}

package raftstore_test

import (
	"testing"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// A compaction is a follower, store 1, about to compact its log, which has
// entries of several terms. Store 2 leads.
type compaction struct {
	history
	term uint64
	// committed is the commit index that store 1 knows, which may be lower
	// than the end of its log.
	committed uint64
}

func newCompaction(t *graded.T, seed uint64) *compaction {
	c := &compaction{history: newHistory(t, seed)}
	leader := newMember(t, 2, 1000)
	leader.follower = 3
	for range 3 {
		leader.lead(c.term + 1)
		c.note(leader)
		c.writes(leader, 3+c.rng.IntN(12))
		c.term += 2
	}
	c.term--
	c.end(leader)
	c.committed = c.last - uint64(c.rng.IntN(4))
	return c
}

// follower returns store 1, with the whole log. Its commit index has risen in
// small steps, so it has written its data in many batches.
func (c *compaction) follower() *member {
	f := newMember(c.t, 1, 5)
	f.append(2, c.term, 0, 0, entriesOf(c.entries, 1, c.last), 0)
	for i := uint64(1); i <= c.committed; i += 4 {
		c.heartbeat(f, i)
	}
	c.heartbeat(f, c.committed)
	f.sent = nil
	return f
}

// heartbeat delivers a heartbeat of store 2, which knows that store 1 has every
// entry.
func (c *compaction) heartbeat(f *member, commit uint64) {
	f.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeat, From: 2, Term: c.term, Commit: commit})
}

// wait lets time pass in which store 1 can compact its log.
func (c *compaction) wait(f *member) {
	for range 4 {
		if f.life.over {
			return
		}
		f.tick()
		c.heartbeat(f, c.committed)
	}
}

// check checks a store that has compacted its log, or was about to, and has
// been restarted after that. In the end the store leads, and other stores need
// entries that its log still holds, or no longer holds.
func (c *compaction) check(f *member, when string) {
	c.data(f, when)
	c.heartbeat(f, c.last)
	c.wait(f) // entries that the crash has left on the disk may be deleted later
	c.complete(f)
	f.restart()
	c.data(f, "after another restart")
	f.lead(c.term + 1)
	first := f.status().FirstIndex
	if first == 1 {
		return
	}
	// The log of store 2 ends where this one begins.
	for n := 0; ; n++ {
		f.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeatResponse, From: 2, Term: c.term + 1})
		sent := f.lastTo(2, eraftpb.MessageType_MsgAppend)
		if sent != nil && sent.Index >= first {
			f.receive(&eraftpb.Message{
				MsgType: eraftpb.MessageType_MsgAppendResponse, From: 2, Term: c.term + 1, Reject: true, Index: sent.Index, RejectHint: first - 1,
			})
			sent = f.lastTo(2, eraftpb.MessageType_MsgAppend)
		}
		switch {
		case f.lastTo(2, eraftpb.MessageType_MsgSnapshot) != nil || n > 20:
			c.t.Fatalf("the log of a follower ends with entry %d, and the log of the leader begins at %d, but the leader does not send the follower entries from there on", first-1, first)
		case sent == nil || sent.Index != first-1 || len(sent.Entries) == 0:
			continue
		case sent.LogTerm != c.entries[first-1].Term:
			c.t.Fatalf("the leader's log begins at %d. It says that the entry before is of term %d, but that was of term %d", first, sent.LogTerm, c.entries[first-1].Term)
		}
		for i, e := range sent.Entries {
			if want := c.entries[first+uint64(i)]; e.Index <= c.last && (e.Index != want.Index || e.Term != want.Term) {
				c.t.Fatalf("the leader sends entry %d of term %d in the place of entry %d of term %d", e.Index, e.Term, want.Index, want.Term)
			}
		}
		break
	}
	f.snapshotFor(3, 0, func() {})
}

// TestCrashAtEveryWriteOfCollection2C lets a store compact its log, and cuts
// the power once at each write that the store does until that is done: before
// the write, in its middle, and right after it. Of what was not synced each
// engine keeps all, nothing, or a part. The effects of every entry that has
// left the log are in the data, and the log continues where they end. The first
// time there is no power cut: the store is just restarted.
func TestCrashAtEveryWriteOfCollection2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "after a crash at any write, what is no longer in the log is in the data, and the log still says where it begins",
		Source: "Raft §7; doc.go: What is durable when, 3",
	}, 20, func(t *graded.T, seed uint64) uint64 {
		c := newCompaction(t, seed)
		f := c.follower()
		f.cutAt(nil)
		c.wait(f)
		writes := f.writes
		switch s := f.status(); {
		case s.FirstIndex == 1:
			t.Fatalf("with at most %d applied entries kept, and %d applied, the log is not compacted within 4 ticks", f.maxLog, s.Applied)
		case s.FirstIndex > s.Applied+1:
			t.Fatalf("the log begins at %d, but only entries up to %d are applied", s.FirstIndex, s.Applied)
		}
		f.restart()
		c.check(f, "after a restart in order")
		f.Close()
		for at := 1; at <= writes; at++ {
			for _, point := range []memory.FaultKind{memory.CrashBefore, memory.CrashUnacknowledged, memory.CrashAfter} {
				for _, log := range []int{0, memory.All} {
					for _, data := range []int{0, memory.All, c.rng.IntN(12)} {
						c.cut(&powerCut{at: at, point: point, log: log, data: data})
					}
				}
			}
		}
		return 0
	})
}

// cut lets store 1 compact its log, and cuts the power at one write.
func (c *compaction) cut(cut *powerCut) {
	f := c.follower()
	f.cutAt(cut)
	c.wait(f)
	explaining(c.t, cut.String, func() {
		f.restart()
		c.check(f, "after the power cut")
	})
	f.Close()
}

// TestSnapshotIsMadeAgain2C makes a leader that has to send a snapshot find no
// room for its file. Once there is room, it makes the snapshot and sends it.
// Later it has to send another one: the first is too old then, because the log
// has been compacted beyond it.
func TestSnapshotIsMadeAgain2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a snapshot that could not be made, or that is older than the log, is made anew",
		Source: "the contract of Storage; Raft §7",
	}, 20, func(t *graded.T, seed uint64) uint64 {
		h := newHistory(t, seed)
		leader := newMember(t, 2, 5)
		leader.follower = 3
		leader.lead(1)
		last := uint64(0)
		for range 3 {
			h.writes(leader, 40+h.rng.IntN(40))
			leader.compact(last + 1)
			leader.files.full = h.rng.IntN(4)
			sent := leader.snapshotFor(1, last, func() { h.writes(leader, h.rng.IntN(3)) })
			leader.ReportSnapshot(1, 1, true)
			last = sent.Snapshot.Metadata.Index
			leader.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgAppendResponse, From: 1, Term: 1, Index: last})
		}
		leader.Close()
		return 0
	})
}
